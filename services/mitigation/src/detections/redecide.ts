import { type NormalisedDetection, normalisedDetection } from '@quell/contracts/detection';
import type { Log } from '@quell/service-kit/log';
import type { ClientBase, Pool } from 'pg';
import { v5 as uuidv5 } from 'uuid';
import type { EffectivePolicy } from '../policy/policy.ts';
import { retryingConflicts } from '../task-store/task-store.ts';
import { takeDetections } from './take.ts';
import { awaitEarlierBatches } from './unresolved-barrier.ts';

const CHUNK = 200;
const FIRST = '00000000-0000-0000-0000-000000000000';

/** Why unresolved detections are decided again, and where it is said which cannot be. */
export interface Redecision {
  /** Of the change that led to it; makes the ids of what follows. */
  readonly causeId: string;
  readonly log: Log;
}

/**
 * Decides unresolved detections again, because an agent enrolled or a device appeared; returns the endpoints that have new work.
 * A detection that still fits no single endpoint stays as it is, and so does one that cannot be read. Chunks of one transaction each.
 */
export async function redecideUnresolved(
  pool: Pool,
  policy: EffectivePolicy,
  { causeId, log }: Redecision,
): Promise<string[]> {
  await awaitEarlierBatches(pool);
  const endpointIds = new Set<string>();
  for (let after = FIRST; ; ) {
    const chunk = await retryingConflicts(pool, async (client) => {
      const rows = await loadChunk(client, after);
      const read = rows.flatMap((row) => {
        const detection = detectionOf(row, log);
        // Its own event id was taken already; a new cause decides it again.
        return detection === undefined ? [] : [{ ...detection, eventId: uuidv5(detection.eventId, causeId) }];
      });
      const eventIds = new Map(rows.map((row) => [row.detection_id, row.event_ids]));
      const taken = await takeDetections(client, read, policy, { eventIds });
      return { last: rows.at(-1)?.detection_id, endpointIds: taken.endpointIds };
    });
    for (const endpointId of chunk.endpointIds) endpointIds.add(endpointId);
    if (chunk.last === undefined) return [...endpointIds];
    after = chunk.last;
  }
}

interface Row {
  readonly detection_id: string;
  readonly event_ids: readonly string[];
  readonly content: string;
}

async function loadChunk(client: ClientBase, after: string): Promise<Row[]> {
  const { rows } = await client.query<Row>(
    `SELECT detection_id, event_ids, content FROM mitigation.detection
     WHERE disposition = 'unresolved' AND detection_id > $1 ORDER BY detection_id LIMIT $2`,
    [after, CHUNK],
  );
  return rows;
}

/** One that was stored under an older contract must not keep all others back. */
function detectionOf({ detection_id: detectionId, content }: Row, log: Log): NormalisedDetection | undefined {
  try {
    return normalisedDetection.parse(JSON.parse(content));
  } catch (err) {
    log.warn({ err, detectionId }, 'an unresolved detection cannot be read any more; it stays unresolved');
    return undefined;
  }
}
