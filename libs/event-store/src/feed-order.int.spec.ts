import { randomUUID } from 'node:crypto';
import { eventually } from '@quell/testing/eventually';
import type pg from 'pg';
import { append } from './append.ts';
import { type FeedCursor, feedStart, readFeed } from './feed.ts';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';
import { problemsOf } from './history-check.fixture.ts';
import type { Queryable } from './load.ts';
import { readByGatedPosition, readByPosition } from './naive-readers.fixture.ts';
import { someEvents } from './some-event.fixture.ts';

// Races made certain by holding transactions open on purpose.

let store: FreshStore;
beforeEach(async () => {
  store = await freshStore();
});
afterEach(() => store.close());

type Seen = FeedCursor & { id: string; streamId: string; version: number };
type Read = (client: Queryable, after: FeedCursor) => Promise<Seen[]>;
const readGated: Read = (client, after) => readFeed(client, store.schema, after, 100);

/** A reader that keeps its cursor between looks. */
function reader(read: Read) {
  const seen: Seen[] = [];
  const look = async () => {
    const page = await read(store.pool, seen.at(-1) ?? feedStart);
    seen.push(...page);
    return page.length;
  };
  return { seen, look };
}

async function begin(): Promise<pg.Client> {
  const client = await store.connect();
  await client.query('BEGIN');
  return client;
}

const one = (streamId: string, expectedVersion: number) => ({ streamId, expectedVersion, events: someEvents(1) });
const appendOne = (client: pg.Client, streamId: string, expectedVersion: number) =>
  append(client, store.schema, [one(streamId, expectedVersion)]);

async function everything(): Promise<Seen[]> {
  const { rows } = await store.pool.query('SELECT id, stream_id AS "streamId", version, txid, position FROM es.event');
  return rows;
}

test('events of a transaction that commits late are not lost: the feed waits for it, a reader by position skips them', async () => {
  const [slow, fast] = [await begin(), await begin()];
  await appendOne(slow, randomUUID(), 0);
  await appendOne(fast, randomUUID(), 0);
  await fast.query('COMMIT');
  const [gated, naive] = [reader(readGated), reader(readByPosition)];
  expect(await naive.look()).toBe(1);
  expect(await gated.look()).toBe(0);
  await slow.query('COMMIT');
  await naive.look();
  await eventually(async () => (await gated.look()) === 0 && gated.seen.length === 2);
  expect(problemsOf(gated.seen, await everything())).toEqual([]);
  expect(problemsOf(naive.seen, await everything())).toEqual([expect.stringMatching('version 1 was seen 0 times')]);
});

test('positions taken in another order than transaction ids are not lost either: the cursor is the pair', async () => {
  // The slow one has the older transaction id and, its head being held by a third, the younger position.
  const [holder, slow, fast] = [await begin(), await begin(), await begin()];
  const [held, free] = [randomUUID(), randomUUID()];
  await appendOne(holder, held, 0);
  const slowAppend = appendOne(slow, held, 0);
  await waitsForLock(slow);
  await appendOne(fast, free, 0);
  await fast.query('COMMIT');
  // The head is free now, and `slow` goes on.
  await holder.query('ROLLBACK');
  expect((await slowAppend).ok).toBe(true);
  await slow.query('COMMIT');
  const rows = (await everything()).map(({ streamId, txid, position }) => ({
    streamId,
    txid: BigInt(txid),
    position: BigInt(position),
  }));
  const [older, younger] = [rows.find((row) => row.streamId === held), rows.find((row) => row.streamId === free)];
  expect(older?.txid).toBeLessThan(younger?.txid as bigint);
  expect(older?.position).toBeGreaterThan(younger?.position as bigint);

  // Pages of one event: the reader by position passes the younger position before it sees the older.
  const byPair = reader(async (client, after) => readFeed(client, store.schema, after, 1));
  const byPosition = reader(async (client, after) => (await inFeedOrder(client, after)).slice(0, 1));
  await eventually(async () => (await byPair.look()) === 0 && byPair.seen.length === 2);
  while ((await byPosition.look()) > 0);
  expect(problemsOf(byPair.seen, await everything())).toEqual([]);
  expect(problemsOf(byPosition.seen, await everything())).not.toEqual([]);
});

/** In the order of the feed, but with a cursor that remembers the position alone. */
async function inFeedOrder(client: Queryable, after: FeedCursor): Promise<Seen[]> {
  const events = await readByGatedPosition(client, after);
  return events.toSorted((a, b) => Number(a.txid - b.txid || a.position - b.position));
}

describe('a stream is never delivered backwards', () => {
  /** An early write gives `late` an older transaction id than that of the version it then follows. */
  async function lateFollower(streamId: string): Promise<pg.Client> {
    await store.pool.query('CREATE TABLE IF NOT EXISTS inbox (next_offset int)');
    const late = await begin();
    await late.query('INSERT INTO inbox VALUES (1)');
    const first = await begin();
    await appendOne(first, streamId, 0);
    await first.query('COMMIT');
    return late;
  }

  test('append refuses the transaction that could do it', async () => {
    const streamId = randomUUID();
    const late = await lateFollower(streamId);
    await expect(appendOne(late, streamId, 1)).rejects.toMatchObject({ code: 'ES001' });
  });

  test('without the guard a reader by (txid, position) sees version 2 before version 1', async () => {
    const streamId = randomUUID();
    const late = await lateFollower(streamId);
    await late.query(
      `INSERT INTO es.event (recorded_at, occurred_at, id, stream_id, correlation_id, version, schema_version, type, actor, data)
       VALUES (now(), now(), $1, $2, $1, 2, 1, 'T', 'a', '{}')`,
      [randomUUID(), streamId],
    );
    await late.query('COMMIT');
    const { rows } = await store.pool.query('SELECT version FROM es.event ORDER BY txid, position');
    expect(rows.map(({ version }) => version)).toEqual([2, 1]);
  });

  test.each([
    ['one event', 1],
    ['two events', 2],
  ])('append refuses a version that was guessed and came true, also of %s', async (_, count) => {
    // `guesser` got its transaction id with the first stream, where it waits, before version 1 of the second was written.
    const [first, second] = [randomUUID(), randomUUID()].toSorted() as [string, string];
    const holder = await begin();
    await appendOne(holder, first, 0);
    const guesser = await begin();
    const guess = append(guesser, store.schema, [
      one(first, 0),
      { streamId: second, expectedVersion: 1, events: someEvents(count) },
    ]);
    await waitsForLock(guesser);
    const follower = await begin();
    await appendOne(follower, second, 0);
    await follower.query('COMMIT');
    await holder.query('ROLLBACK');
    expect(await guess).toEqual({ ok: false, conflicts: [second], duplicates: [] });
    expect((await everything()).map(({ version }) => version)).toEqual([1]);
  });

  test('a follower that loaded, decided and then appended comes after what it followed', async () => {
    const streamId = randomUUID();
    const follower = await begin();
    await follower.query('SELECT pg_advisory_xact_lock(1)');
    const first = await begin();
    await appendOne(first, streamId, 0);
    await first.query('COMMIT');
    expect((await appendOne(follower, streamId, 1)).ok).toBe(true);
    await follower.query('COMMIT');
    const gated = reader(readGated);
    await eventually(async () => (await gated.look()) === 0 && gated.seen.length === 2);
    expect(gated.seen.map(({ version }) => version)).toEqual([1, 2]);
  });
});

async function waitsForLock(client: pg.Client): Promise<void> {
  const { processID } = client as unknown as { processID: number };
  await eventually(async () => {
    const { rows } = await store.pool.query('SELECT wait_event_type FROM pg_stat_activity WHERE pid = $1', [processID]);
    return rows[0]?.wait_event_type === 'Lock';
  });
}
