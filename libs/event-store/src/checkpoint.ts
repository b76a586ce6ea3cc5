import { compareCursors, type FeedCursor, feedStart } from './feed.ts';
import type { Queryable } from './load.ts';
import { quoted } from './schema.ts';

/** The name under which a processor of a given version keeps its checkpoint, such as `task_view_v3`. */
export function processorName(name: string, version: number): string {
  return `${name}_v${version}`;
}

export interface Checkpoint extends FeedCursor {
  /** Another version took over: a retired processor must not move on. */
  readonly retired: boolean;
  /** Some of its events are parked: streams must be checked against them. */
  readonly hasParked: boolean;
}

/** Reads a processor's checkpoint, making it at the start of the feed the first time. */
export async function loadCheckpoint(client: Queryable, schema: string, processor: string): Promise<Checkpoint> {
  const s = quoted(schema);
  const select = () =>
    client.query<{ txid: string; position: string; retired: boolean; parked: boolean }>(
      `SELECT txid::text, position::text, retired_at IS NOT NULL AS retired,
              EXISTS (SELECT FROM ${s}.parked WHERE processor = $1) AS parked
       FROM ${s}.checkpoint WHERE processor = $1`,
      [processor],
    );
  let [row] = (await select()).rows;
  if (!row) {
    await client.query(
      `INSERT INTO ${s}.checkpoint (processor, txid, position, moved_at) VALUES ($1, $2::xid8, $3, clock_timestamp())
       ON CONFLICT DO NOTHING`,
      [processor, String(feedStart.txid), String(feedStart.position)],
    );
    [row] = (await select()).rows;
  }
  if (!row) throw new Error(`the checkpoint of ${processor} cannot be made`);
  return { txid: BigInt(row.txid), position: BigInt(row.position), retired: row.retired, hasParked: row.parked };
}

/** Thrown when another process moved (or retired) the checkpoint first: the loser's transaction must roll back. */
export class CheckpointLost extends Error {
  override readonly name = 'CheckpointLost';
}

/**
 * Moves a checkpoint by compare-and-set. The row stays locked until the transaction ends, so that whoever comes second waits and
 * then loses, before it has any effect.
 *
 * @throws CheckpointLost when it is not at `from` any more.
 */
export async function moveCheckpoint(
  client: Queryable,
  schema: string,
  processor: string,
  from: FeedCursor,
  to: FeedCursor,
): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE ${quoted(schema)}.checkpoint SET txid = $4::xid8, position = $5, moved_at = clock_timestamp()
     WHERE processor = $1 AND txid = $2::xid8 AND position = $3 AND retired_at IS NULL`,
    [processor, ...[from.txid, from.position, to.txid, to.position].map(String)],
  );
  if (rowCount !== 1) throw new CheckpointLost(`another process moved the checkpoint of ${processor}`);
}

/** How far a processor is behind the log itself, events still behind the gate included. */
export interface ProcessorLag {
  /** Positions between the checkpoint and the newest event; 0 only when nothing is left. */
  readonly positionsBehind: number;
  /** Age of the oldest event not yet processed, 0 when there is none. */
  readonly oldestUnprocessedSeconds: number;
  /** Events waiting for an operator, not counted above. */
  readonly parkedEvents: number;
}

/** The gauges of one processor: three index look-ups. A processor that never ran is behind by everything. */
export async function processorLag(client: Queryable, schema: string, processor: string): Promise<ProcessorLag> {
  const s = quoted(schema);
  const { rows } = await client.query<{
    txid: string;
    position: string;
    head_txid: string | null;
    head_position: string | null;
    age: number | null;
    parked: string;
  }>(
    `WITH cursor AS (SELECT coalesce(max(txid), '0'::xid8) AS txid, coalesce(max(position), 0) AS position
                     FROM ${s}.checkpoint WHERE processor = $1)
     SELECT cursor.txid::text, cursor.position::text, head.txid::text AS head_txid, head.position::text AS head_position,
       (SELECT extract(epoch FROM clock_timestamp() - e.recorded_at)::float8 FROM ${s}.event AS e
        WHERE (e.txid, e.position) > (cursor.txid, cursor.position) ORDER BY e.txid, e.position LIMIT 1) AS age,
       (SELECT count(*) FROM ${s}.parked WHERE processor = $1)::text AS parked
     FROM cursor LEFT JOIN (SELECT txid, position FROM ${s}.event ORDER BY txid DESC, position DESC LIMIT 1) AS head ON true`,
    [processor],
  );
  const row = rows[0];
  if (!row) throw new Error('a query without FROM rows cannot be empty');
  const checkpoint = { txid: BigInt(row.txid), position: BigInt(row.position) };
  const head =
    row.head_txid === null ? checkpoint : { txid: BigInt(row.head_txid), position: BigInt(row.head_position ?? 0) };
  const behind = compareCursors(head, checkpoint) > 0;
  return {
    // Positions are not quite in feed order: a head with a smaller position is still one event ahead.
    positionsBehind: behind ? Math.max(1, Number(head.position - checkpoint.position)) : 0,
    oldestUnprocessedSeconds: Math.max(0, row.age ?? 0),
    parkedEvents: Number(row.parked),
  };
}
