import type { NormalisedDetection } from '@quell/contracts/detection';
import { isContentState } from '@quell/event-store/transient';
import { storable } from '@quell/service-kit/dead-letter-table';
import type { ClientBase } from 'pg';

/** A detection that failed alone, and on what. */
export interface DeadDetection {
  readonly detection: NormalisedDetection;
  readonly reason: string;
}

/**
 * Notes of detections that could not be taken that they are dead letters, for whoever asks where they went. What is known of a
 * detection that was taken before stays: then it was an update that failed. The dead letter itself is what counts: where the row
 * of the detection is what Postgres refuses, it goes without one, and its partition goes on.
 */
export async function noteDeadDetections(client: ClientBase, dead: readonly DeadDetection[]): Promise<void> {
  if (dead.length === 0) return;
  await client.query('SAVEPOINT noting');
  try {
    await insertDeadDetections(client, dead);
    await client.query('RELEASE SAVEPOINT noting');
  } catch (error) {
    if (!isContentState(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT noting');
  }
}

async function insertDeadDetections(client: ClientBase, dead: readonly DeadDetection[]): Promise<void> {
  const of = <T>(read: (detection: NormalisedDetection) => T): T[] => dead.map(({ detection }) => read(detection));
  await client.query(
    `INSERT INTO mitigation.detection (detection_id, event_ids, source, source_id, detected_at, received_at, severity, disposition,
       reason, content)
     SELECT DISTINCT ON (id) id, '{}', source, source_id, detected_at, received_at, severity, 'dead-letter', reason, content
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::smallint[], $7::text[], $8::text[])
       AS d (id, source, source_id, detected_at, received_at, severity, reason, content)
     ORDER BY id
     ON CONFLICT (detection_id) DO UPDATE SET detected_at = excluded.detected_at, received_at = excluded.received_at,
       severity = excluded.severity, reason = excluded.reason, content = excluded.content, updated_at = now()
     WHERE detection.disposition = 'dead-letter'`,
    [
      of(({ detectionId }) => detectionId),
      of(({ source }) => storable(source)),
      of(({ sourceId }) => storable(sourceId)),
      of(({ detectedAt }) => detectedAt),
      of(({ receivedAt }) => receivedAt),
      of(({ severity }) => severity),
      dead.map(({ reason }) => storable(reason)),
      of((detection) => JSON.stringify(detection)),
    ],
  );
}
