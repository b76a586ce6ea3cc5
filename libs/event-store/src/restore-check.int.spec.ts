import { randomUUID } from 'node:crypto';
import { eventually } from '@quell/testing/eventually';
import { adoptRestored } from './adopt-restored.ts';
import { append } from './append.ts';
import { loadCheckpoint, moveCheckpoint } from './checkpoint.ts';
import { feedStart, readFeed } from './feed.ts';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';
import type { Queryable } from './load.ts';
import { appendEach } from './projecting.fixture.ts';
import { checkStore, oldestWriter, StoreRefused } from './restore-check.ts';
import { someEvents } from './some-event.fixture.ts';

let store: FreshStore;
beforeEach(async () => {
  store = await freshStore();
});
afterEach(() => store.close());

const feed = (after = feedStart) => readFeed(store.pool, 'es', after, 100);

test('a store that was written here is accepted, empty or not', async () => {
  await checkStore(store.pool, 'es');
  await appendEach(store, randomUUID(), 2);
  await checkStore(store.pool, 'es');
});

test('a history restored from a cluster that was ahead is refused, and adopted in its order with what was done of it', async () => {
  const [first, second] = [randomUUID(), randomUUID()];
  for (let version = 0; version < 3; version++) {
    await appendEach(store, first, 1, version);
    await appendEach(store, second, 1, version);
  }
  await eventually(async () => (await feed()).length === 6);
  const before = await feed();
  const [, , third] = before;
  await loadCheckpoint(store.pool, 'es', 'view_v1');
  if (third) await moveCheckpoint(store.pool, 'es', 'view_v1', feedStart, third);

  // What pg_dump and pg_restore into a younger cluster leave behind.
  const ahead = `(txid::text::bigint + 5000000000)::text::xid8`;
  for (const table of ['event', 'stream']) await store.pool.query(`UPDATE es.${table} SET txid = ${ahead}`);
  await store.pool.query(`UPDATE es.checkpoint SET txid = ${ahead} WHERE position > 0`);
  expect(await feed()).toEqual([]);
  await expect(checkStore(store.pool, 'es')).rejects.toThrow(StoreRefused);
  await expect(checkStore(store.pool, 'es')).rejects.toThrow(
    /5\d{9}.*restored from another cluster.*adopt-restored\.ts es/,
  );

  const client = await store.connect();
  expect(await adoptRestored(client, 'es')).toBe(6);
  await checkStore(store.pool, 'es');
  await eventually(async () => (await feed()).length === 6);
  const ids = (events: { id: string }[]) => events.map(({ id }) => id);
  expect(ids(await feed())).toEqual(ids(before));
  const checkpoint = await loadCheckpoint(store.pool, 'es', 'view_v1');
  expect(ids(await feed(checkpoint))).toEqual(ids(before.slice(3)));

  // And it can be written again.
  const events = someEvents(1);
  expect((await append(client, 'es', [{ streamId: first, expectedVersion: 3, events }])).ok).toBe(true);
  await eventually(async () => ids(await feed()).at(-1) === events[0]?.id);
  expect(ids(await feed()).slice(0, 6)).toEqual(ids(before));
});

test('a Postgres before 17 is refused with what to do', async () => {
  // The one thing that cannot be had for real in the same run.
  const old = { query: async () => ({ rows: [{ number: 160_004, version: '16.4' }] }) } as unknown as Queryable;
  await expect(checkStore(old, 'es')).rejects.toThrow(/16\.4 is too old.*17 or newer/);
});

test('the oldest writer is named, with how long it has held the gate', async () => {
  const writer = await store.connect();
  await writer.query(`SET application_name = 'the oldest writer'`);
  await writer.query('BEGIN');
  await writer.query('SELECT pg_current_xact_id()');
  const { rows } = await writer.query('SELECT current_database() AS database, pg_backend_pid() AS pid');
  const { database, pid } = rows[0];
  // Other tests write in the same cluster, and may be older for a moment.
  const mine = await eventually(async () => {
    const oldest = await oldestWriter(store.pool);
    return oldest.pid === pid && oldest;
  });
  expect(mine).toMatchObject({ database, user: expect.any(String), seconds: expect.any(Number) });
  await eventually(async () => (await oldestWriter(store.pool)).seconds > mine.seconds);
  await writer.query('COMMIT');
  await eventually(async () => (await oldestWriter(store.pool)).pid !== pid);
});
