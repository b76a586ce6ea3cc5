import { type NormalisedDetection, normalisedDetection } from '@quell/contracts/detection';
import type { Log } from '@quell/service-kit/log';
import type { ClientBase, Pool } from 'pg';
import { v5 as uuidv5 } from 'uuid';
import type { EffectivePolicy } from '../policy/policy.ts';
import { retryingConflicts } from '../task-store/task-store.ts';
import { takeDetections } from './take.ts';
import { awaitEarlierBatches } from './unresolved-barrier.ts';

const CHUNK = 200;
/** Looked up in one query. */
const MOST_IDENTIFIERS = 2000;

/** Why unresolved detections are decided again, and where it is said which cannot be. */
export interface Redecision {
  /** Of the change that led to it; makes the ids of what follows. */
  readonly causeId: string;
  readonly log: Log;
}

/**
 * Decides unresolved detections again that one of `identifiers` (see `hintKey`) may be about, because an endpoint or a device changed;
 * returns the endpoints that have new work. A detection that still fits no single endpoint stays as it is, and so does one that cannot
 * be read. Chunks of one transaction each.
 */
export async function redecideUnresolved(
  pool: Pool,
  policy: EffectivePolicy,
  identifiers: readonly string[],
  { causeId, log }: Redecision,
): Promise<string[]> {
  await awaitEarlierBatches(pool);
  const waiting = await findUnresolved(pool, identifiers);
  const endpointIds = new Set<string>();
  for (let at = 0; at < waiting.length; at += CHUNK) {
    const detectionIds = waiting.slice(at, at + CHUNK);
    const taken = await retryingConflicts(pool, async (client) => {
      const rows = await loadChunk(client, detectionIds);
      const read = rows.flatMap((row) => {
        const detection = detectionOf(row, log);
        // Its own event id was taken already; a new cause decides it again.
        return detection === undefined ? [] : [{ ...detection, eventId: uuidv5(detection.eventId, causeId) }];
      });
      const eventIds = new Map(rows.map((row) => [row.detection_id, row.event_ids]));
      return takeDetections(client, read, policy, { eventIds });
    });
    for (const endpointId of taken.endpointIds) endpointIds.add(endpointId);
  }
  return [...endpointIds];
}

/** Those that name one of the identifiers, by its index: most changes concern no unresolved detection at all, however many there are. */
async function findUnresolved(pool: Pool, identifiers: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (let at = 0; at < identifiers.length; at += MOST_IDENTIFIERS) {
    const { rows } = await pool.query<{ detection_id: string }>(
      `SELECT detection_id FROM mitigation.detection WHERE disposition = 'unresolved' AND hints && $1::text[]`,
      [identifiers.slice(at, at + MOST_IDENTIFIERS)],
    );
    for (const row of rows) found.add(row.detection_id);
  }
  return [...found].sort();
}

interface Row {
  readonly detection_id: string;
  readonly event_ids: readonly string[];
  readonly content: string;
}

async function loadChunk(client: ClientBase, detectionIds: readonly string[]): Promise<Row[]> {
  const { rows } = await client.query<Row>(
    `SELECT detection_id, event_ids, content FROM mitigation.detection
     WHERE detection_id = ANY($1::uuid[]) AND disposition = 'unresolved' ORDER BY detection_id`,
    [detectionIds],
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
