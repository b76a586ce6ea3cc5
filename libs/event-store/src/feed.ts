import type { StoredEvent } from './event.ts';
import type { Queryable } from './load.ts';
import { quoted } from './schema.ts';
import { selectEvents } from './stored-event.ts';
import { type Upcasters, upcast } from './upcast.ts';

/** A place in the feed: both numbers, always. A cursor on the position alone loses events of slower transactions. */
export interface FeedCursor {
  readonly txid: bigint;
  readonly position: bigint;
}

/** Before the first event. */
export const feedStart: FeedCursor = { txid: 0n, position: 0n };

/** Negative, zero or positive as `a` lies before, at or after `b`. */
export function compareCursors(a: FeedCursor, b: FeedCursor): number {
  return Number(a.txid === b.txid ? a.position - b.position : a.txid - b.txid);
}

/**
 * Events of all streams after a place in the feed, each stream in order. The gate (xmin) holds back every event whose transaction
 * started after one that is still writing anywhere in the cluster, so nothing can appear behind a cursor already passed. The query is
 * the function `feed` of the schema.
 *
 * @param limit the most events to return; a transaction may be cut in two.
 */
export async function readFeed(
  client: Queryable,
  schema: string,
  after: FeedCursor,
  limit: number,
  upcasters: Upcasters = {},
): Promise<StoredEvent[]> {
  const values = [String(after.txid), String(after.position), limit];
  const events = await selectEvents(client, `FROM ${quoted(schema)}.feed($1, $2, $3) AS e`, values);
  return events.map((event) => upcast(event, upcasters));
}
