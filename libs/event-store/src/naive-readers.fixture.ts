import type { FeedCursor } from './feed.ts';
import type { Queryable } from './load.ts';

// Readers as they are often written. Tests run them on the histories that the feed must survive, to show that those histories bite.

export interface NaiveEvent extends FeedCursor {
  readonly id: string;
  readonly streamId: string;
  readonly version: number;
}

const columns = 'id, stream_id AS "streamId", version, txid::text, position::text';

async function select(client: Queryable, rest: string, values: unknown[]): Promise<NaiveEvent[]> {
  const { rows } = await client.query(`SELECT ${columns} FROM es.event ${rest}`, values);
  return rows.map((row) => ({ ...row, txid: BigInt(row.txid), position: BigInt(row.position) }));
}

/** A cursor on the position alone, without the gate. */
export function readByPosition(client: Queryable, after: FeedCursor): Promise<NaiveEvent[]> {
  return select(client, 'WHERE position > $1 ORDER BY position', [String(after.position)]);
}

/** Behind the gate, but still a cursor on the position alone. */
export function readByGatedPosition(client: Queryable, after: FeedCursor): Promise<NaiveEvent[]> {
  return select(client, 'WHERE position > $1 AND txid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY position', [
    String(after.position),
  ]);
}
