import type { StoredEvent } from './event.ts';
import type { Queryable } from './load.ts';
import { quoted } from './schema.ts';
import { selectEvents } from './stored-event.ts';
import type { Upcasters } from './upcast.ts';

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

/** The condition and order of the feed, exported so that a test explains the very query that is polled. */
export function feedSql(schema: string, limit: number): string {
  return `FROM ${quoted(schema)}.event AS e
    WHERE (e.txid, e.position) > ($1::xid8, $2::bigint) AND e.txid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY e.txid, e.position LIMIT ${Math.trunc(limit)}`;
}

/**
 * Events of all streams after a place in the feed, each stream in order. The gate (xmin) holds back every event whose transaction
 * started after one that is still writing anywhere in the cluster, so nothing can appear behind a cursor already passed.
 *
 * @param limit the most events to return; a transaction may be cut in two.
 */
export function readFeed(
  client: Queryable,
  schema: string,
  after: FeedCursor,
  limit: number,
  upcasters: Upcasters = {},
): Promise<StoredEvent[]> {
  return selectEvents(client, feedSql(schema, limit), [String(after.txid), String(after.position)], upcasters);
}
