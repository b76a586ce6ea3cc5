import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { append } from './append.ts';
import type { StoredEvent } from './event.ts';
import { type FeedCursor, feedStart, readFeed } from './feed.ts';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';
import { problemsOf } from './history-check.fixture.ts';
import { load } from './load.ts';
import { type NaiveEvent, readByPosition } from './naive-readers.fixture.ts';
import { someEvents } from './some-event.fixture.ts';
import { inTransaction } from './transaction.ts';

const writers = 6;
const readers = 3;
const transactionsPerWriter = 60;

let store: FreshStore;
beforeAll(async () => {
  store = await freshStore();
  await store.pool.query('CREATE TABLE inbox (writer int PRIMARY KEY, next_offset int NOT NULL)');
});
afterAll(() => store.close());

/** mulberry32: a small generator whose whole run follows from its seed. */
function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

test('under random delays, conflicts and rollbacks every reader sees every committed event once, each stream in order', async () => {
  const seed = Number(process.env.QUELL_TEST_SEED ?? randomInt(2 ** 31));
  console.log(`store stress: QUELL_TEST_SEED=${seed}`);
  const streams = Array.from({ length: 8 }, () => randomUUID());
  const outcome = { committed: 0, conflicts: 0, abandoned: 0 };
  let writing = true;

  async function write(writer: number): Promise<void> {
    const below = seeded(seed + writer);
    const client = await store.connect();
    for (let turn = 0; turn < transactionsPerWriter; turn++) {
      const touched = [...new Set([streams[below(8)] as string, streams[below(8)] as string])];
      const pause = () => delay(below(4));
      const kept = inTransaction(client, async () => {
        const loaded = await load(client, store.schema, touched);
        await pause();
        const appends = [...loaded].map(([streamId, events]) => {
          return { streamId, expectedVersion: events.length, events: someEvents(1 + below(3)) };
        });
        const result = await append(client, store.schema, appends);
        if (!result.ok) throw new Stopped('conflicts');
        await pause();
        await client.query(
          'INSERT INTO inbox VALUES ($1, 1) ON CONFLICT (writer) DO UPDATE SET next_offset = inbox.next_offset + 1',
          [writer],
        );
        if (below(10) === 0) throw new Stopped('abandoned');
      });
      await kept.then(
        () => {
          outcome.committed += 1;
        },
        (error: unknown) => {
          if (!(error instanceof Stopped)) throw error;
          outcome[error.message as 'conflicts' | 'abandoned'] += 1;
        },
      );
    }
  }

  /** Reads until nothing is written any more and everything has been seen. */
  async function follow<E extends FeedCursor>(
    number: number,
    read: (client: pg.Client, after: FeedCursor, limit: number) => Promise<E[]>,
  ): Promise<E[]> {
    const below = seeded(seed - 1 - number);
    const client = await store.connect();
    const seen: E[] = [];
    for (let last = false; ; ) {
      last = !writing;
      const page = await read(client, seen.at(-1) ?? feedStart, 1 + below(20));
      seen.push(...page);
      if (last && page.length === 0 && (await behindGate(client)) === 0) return seen;
      await delay(below(5));
    }
  }

  const following = Array.from({ length: readers }, (_, number) =>
    follow<StoredEvent>(number, (client, after, limit) => readFeed(client, store.schema, after, limit)),
  );
  const naive = follow<NaiveEvent>(readers, readByPosition);
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  writing = false;

  const { rows: committed } = await store.pool.query('SELECT id, stream_id AS "streamId", version FROM es.event');
  for (const seen of await Promise.all(following)) expect(problemsOf(seen, committed)).toEqual([]);
  const { rows: heads } = await store.pool.query('SELECT stream_id, version FROM es.stream');
  for (const { stream_id, version } of heads) {
    expect(committed.filter(({ streamId }) => streamId === stream_id)).toHaveLength(version);
  }
  const { rows: inbox } = await store.pool.query('SELECT sum(next_offset)::int AS total FROM inbox');
  expect(inbox[0].total).toBe(outcome.committed);
  // The run must have met what it is about.
  expect(outcome.conflicts).toBeGreaterThan(0);
  expect(outcome.abandoned).toBeGreaterThan(0);
  const lost = problemsOf(await naive, committed).filter((problem) => problem.endsWith('seen 0 times')).length;
  console.log(
    `store stress: ${committed.length} events, ${JSON.stringify(outcome)}; a reader by position lost ${lost} of them, the feed none`,
  );
});

class Stopped extends Error {}

async function behindGate(client: pg.Client): Promise<number> {
  const { rows } = await client.query(
    'SELECT count(*)::int AS hidden FROM es.event WHERE txid >= pg_snapshot_xmin(pg_current_snapshot())',
  );
  return rows[0].hidden;
}
