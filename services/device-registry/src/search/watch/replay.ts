import { compareCursors, type FeedCursor, feedStart, readFeed } from '@quell/event-store/feed';
import type { Pool } from 'pg';
import { SCHEMA } from '../../database/schema.ts';
import { Folding, type FollowedEvent } from '../live/followed-events.ts';

const EVENTS_AT_ONCE = 200;

/** The events after one place in the feed up to another, folded. */
export async function* replayed(pool: Pool, after: FeedCursor, until: FeedCursor): AsyncGenerator<FollowedEvent[]> {
  const folding = new Folding();
  let at = after;
  while (compareCursors(at, until) < 0) {
    const events = await readFeed(pool, SCHEMA, at, EVENTS_AT_ONCE);
    const last = events.at(-1);
    if (last === undefined) return;
    at = { txid: last.txid, position: last.position };
    yield folding.fold(
      pool,
      events.filter((event) => compareCursors(event, until) <= 0),
    );
  }
}

/** @returns why a watch cannot go on after `from`; nothing when it can. `here` is where this replica stands. */
export async function whyNotResumable(
  pool: Pool,
  from: FeedCursor,
  here: FeedCursor,
  replayEvents: number,
): Promise<string | undefined> {
  if (compareCursors(from, feedStart) !== 0) {
    const { rowCount } = await pool.query(`SELECT FROM ${SCHEMA}.event WHERE txid = $1::xid8 AND position = $2`, [
      String(from.txid),
      String(from.position),
    ]);
    if (rowCount === 0) return 'The position in Last-Event-ID is none of this registry.';
  }
  // Numbers are given in the order of writing, with gaps: about how many events there are, never fewer than there are by much.
  const behind = here.position - from.position;
  return behind > BigInt(replayEvents)
    ? `About ${behind} events happened since; ${replayEvents} are replayed at most.`
    : undefined;
}
