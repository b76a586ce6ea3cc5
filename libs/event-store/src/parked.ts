import type { StoredEvent } from './event.ts';
import type { Queryable } from './load.ts';
import { quoted } from './schema.ts';
import { selectEvents } from './stored-event.ts';

/** An event that a processor could not take, or that waits behind one of the same stream so that the stream keeps its order. */
export interface ParkedEvent {
  readonly processor: string;
  readonly streamId: string;
  readonly txid: bigint;
  readonly position: bigint;
  /** Why it failed; absent when it only waits behind another. */
  readonly error?: string;
  /** How often it was tried by itself. */
  readonly attempts: number;
  readonly parkedAt: Date;
}

/** Parks a failed event, with its error, or events that wait behind one. In the transaction that moves the checkpoint past them. */
export async function park(
  client: Queryable,
  schema: string,
  processor: string,
  events: readonly StoredEvent[],
  error?: unknown,
): Promise<void> {
  await client.query(
    `INSERT INTO ${quoted(schema)}.parked (processor, stream_id, txid, position, error, attempts, parked_at)
     SELECT $1, e.stream_id, e.txid, e.position, $5, $6, clock_timestamp()
     FROM unnest($2::uuid[], $3::xid8[], $4::bigint[]) AS e(stream_id, txid, position)`,
    [
      processor,
      events.map(({ streamId }) => streamId),
      events.map(({ txid }) => String(txid)),
      events.map(({ position }) => String(position)),
      error === undefined ? null : String(error),
      error === undefined ? 0 : 1,
    ],
  );
}

/** Which of these events' streams have parked events of the processor. */
export async function parkedStreams(
  client: Queryable,
  schema: string,
  processor: string,
  events: readonly StoredEvent[],
): Promise<Set<string>> {
  const { rows } = await client.query<{ stream_id: string }>(
    `SELECT DISTINCT stream_id FROM ${quoted(schema)}.parked WHERE processor = $1 AND stream_id = ANY ($2::uuid[])`,
    [processor, [...new Set(events.map(({ streamId }) => streamId))]],
  );
  return new Set(rows.map(({ stream_id }) => stream_id));
}

/** The first parked event of a stream whose retry was asked for, as it was stored; undefined when there is none. */
export async function nextRetry(
  client: Queryable,
  schema: string,
  processor: string,
): Promise<StoredEvent | undefined> {
  const s = quoted(schema);
  const [event] = await selectEvents(
    client,
    `FROM ${s}.parked AS p JOIN ${s}.event AS e ON (e.txid, e.position) = (p.txid, p.position)
     WHERE p.processor = $1
       AND p.stream_id = (SELECT stream_id FROM ${s}.parked WHERE processor = $1 AND retry_requested LIMIT 1)
     ORDER BY p.txid, p.position LIMIT 1`,
    [processor],
  );
  return event;
}

/**
 * Takes one event out of the parked: after a retry, or to give it up for good. What waits behind it stays parked until `requestRetry`.
 *
 * @returns false when it is not parked (any more).
 */
export async function unpark(
  client: Queryable,
  schema: string,
  processor: string,
  { streamId, txid, position }: Pick<ParkedEvent, 'streamId' | 'txid' | 'position'>,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `DELETE FROM ${quoted(schema)}.parked WHERE processor = $1 AND stream_id = $2 AND txid = $3::xid8 AND position = $4`,
    [processor, streamId, String(txid), String(position)],
  );
  return rowCount === 1;
}

/** Ends a retry that failed: the reason is kept, and the stream waits to be asked again. */
export async function retryFailed(
  client: Queryable,
  schema: string,
  processor: string,
  event: StoredEvent,
  error: unknown,
): Promise<void> {
  await client.query(
    `UPDATE ${quoted(schema)}.parked SET retry_requested = false,
       error = CASE WHEN position = $3 THEN $4 ELSE error END, attempts = attempts + (position = $3)::int
     WHERE processor = $1 AND stream_id = $2`,
    [processor, event.streamId, String(event.position), String(error)],
  );
}

/** Parked events, oldest first within each stream. For the operator's list. */
export async function listParked(client: Queryable, schema: string, limit = 100): Promise<ParkedEvent[]> {
  const { rows } = await client.query<{
    processor: string;
    stream_id: string;
    txid: string;
    position: string;
    error: string | null;
    attempts: number;
    parked_at: Date;
  }>(
    `SELECT processor, stream_id, txid::text, position::text, error, attempts, parked_at FROM ${quoted(schema)}.parked
     ORDER BY processor, stream_id, parked.txid, parked.position LIMIT $1`,
    [limit],
  );
  return rows.map((row) => ({
    processor: row.processor,
    streamId: row.stream_id,
    txid: BigInt(row.txid),
    position: BigInt(row.position),
    ...(row.error === null ? {} : { error: row.error }),
    attempts: row.attempts,
    parkedAt: row.parked_at,
  }));
}

/**
 * Asks the processor to take a stream's parked events again, in order. It does so itself, in its own loop, so that nothing of the
 * stream overtakes.
 *
 * @returns false when nothing of the stream is parked.
 */
export async function requestRetry(
  client: Queryable,
  schema: string,
  processor: string,
  streamId: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE ${quoted(schema)}.parked SET retry_requested = true WHERE processor = $1 AND stream_id = $2`,
    [processor, streamId],
  );
  return (rowCount ?? 0) > 0;
}
