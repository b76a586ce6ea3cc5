import { normalisedDetection } from '@quell/contracts/detection';
import type { Pool } from 'pg';
import { v5 as uuidv5 } from 'uuid';
import type { EffectivePolicy } from '../policy/policy.ts';
import { retryingConflicts } from '../task-store/task-store.ts';
import { takeDetections } from './take.ts';
import { awaitEarlierBatches } from './unresolved-barrier.ts';

const CHUNK = 200;

/**
 * Decides unresolved detections again, because an agent enrolled or a device appeared; returns the endpoints that have new work.
 * A detection that still fits no single endpoint stays as it is. Chunks of one transaction each.
 */
export async function redecideUnresolved(pool: Pool, policy: EffectivePolicy, causeId: string): Promise<string[]> {
  await awaitEarlierBatches(pool);
  const endpointIds = new Set<string>();
  for (let after = ''; ; ) {
    const chunk = await retryingConflicts(pool, async (client) => {
      const { rows } = await client.query<{ detection_id: string; content: string }>(
        `SELECT detection_id, content FROM mitigation.detection
         WHERE disposition = 'unresolved' AND detection_id::text > $1 ORDER BY detection_id::text LIMIT $2`,
        [after, CHUNK],
      );
      const detections = rows.map(({ content }) => {
        const detection = normalisedDetection.parse(JSON.parse(content));
        // Its own event id was taken already; a new cause decides it again.
        return { ...detection, eventId: uuidv5(detection.eventId, causeId) };
      });
      const taken = await takeDetections(client, detections, policy, { onlyResolved: true });
      return { last: rows.at(-1)?.detection_id, endpointIds: taken.endpointIds };
    });
    for (const endpointId of chunk.endpointIds) endpointIds.add(endpointId);
    if (chunk.last === undefined) return [...endpointIds];
    after = chunk.last;
  }
}
