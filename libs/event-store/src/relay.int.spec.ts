import { randomUUID } from 'node:crypto';
import { eventually } from '@quell/testing/eventually';
import { processorLag } from './checkpoint.ts';
import type { StoredEvent } from './event.ts';
import type { Follower } from './follow.ts';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';
import { problemsOf } from './history-check.fixture.ts';
import { listParked } from './parked.ts';
import { appendEach } from './projecting.fixture.ts';
import { type Relay, relayRunner } from './relay.ts';

let store: FreshStore;
let runners: Follower[];
beforeEach(async () => {
  store = await freshStore();
  runners = [];
});
afterEach(async () => {
  await Promise.all(runners.map((runner) => runner.stop()));
  await store.close();
});

function start(
  publish: Relay['publish'],
  { isPoison, batchSize }: { isPoison?: () => boolean; batchSize?: number } = {},
): Follower {
  const relay: Relay = { name: 'relay', version: 1, schema: 'es', publish, ...(isPoison ? { isPoison } : {}) };
  const connection = { connectionString: store.url };
  const runner = relayRunner(relay, { connection, pollMilliseconds: 20, retryMilliseconds: 100, batchSize });
  runners.push(runner);
  runner.start();
  return runner;
}

const caughtUp = () => eventually(async () => (await processorLag(store.pool, 'es', 'relay_v1')).positionsBehind === 0);

async function committed(): Promise<Pick<StoredEvent, 'id' | 'streamId' | 'version'>[]> {
  const { rows } = await store.pool.query('SELECT id, stream_id AS "streamId", version FROM es.event');
  return rows;
}

test('the whole feed is published in order, on through failures of the receiver and restarts', async () => {
  const published: StoredEvent[] = [];
  let calls = 0;
  const publish = async (events: readonly StoredEvent[]) => {
    calls += 1;
    if (calls % 3 === 0) throw new Error('no broker');
    published.push(...events);
  };
  const streams = [randomUUID(), randomUUID()];
  const writing = Promise.all(streams.map((streamId) => appendEach(store, streamId, 30)));
  const first = start(publish, { batchSize: 5 });
  await eventually(() => published.length >= 20);
  await first.stop();
  start(publish, { batchSize: 5 });
  await writing;
  await caughtUp();
  expect(problemsOf(published, await committed())).toEqual([]);
  expect(await listParked(store.pool, 'es')).toEqual([]);
});

test('what was published before a crash is published again: at least once, in order', async () => {
  const published: StoredEvent[] = [];
  let crash = true;
  start(
    async (events) => {
      published.push(...events);
      if (!crash) return;
      crash = false;
      await store.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'relay_v1' AND datname = current_database()`,
      );
    },
    { batchSize: 2 },
  );
  await appendEach(store, randomUUID(), 6);
  await caughtUp();
  const repeated = published.slice(0, published.length - 6).map(({ version }) => version);
  expect(repeated.length).toBeGreaterThan(0);
  expect(repeated).toEqual([1, 2].slice(0, repeated.length));
  expect(problemsOf(published.slice(-6), await committed())).toEqual([]);
});

test('of two relays one publishes, holding no transaction id that would stop the feed', async () => {
  const publishedBy = [0, 0];
  const held: unknown[] = [];
  const publisher = (index: 0 | 1) => async (events: readonly StoredEvent[]) => {
    publishedBy[index] = (publishedBy[index] ?? 0) + events.length;
    const { rows } = await store.pool.query(
      `SELECT backend_xid, backend_xmin FROM pg_stat_activity WHERE application_name = 'relay_v1' AND datname = current_database()`,
    );
    held.push(...rows.flatMap((row) => [row.backend_xid, row.backend_xmin]).filter((id) => id !== null));
  };
  const streamId = randomUUID();
  await appendEach(store, streamId, 1);
  const first = start(publisher(0));
  await caughtUp();
  start(publisher(1));
  await appendEach(store, streamId, 5, 1);
  await caughtUp();
  expect(publishedBy).toEqual([6, 0]);
  await first.stop();
  await appendEach(store, streamId, 1, 6);
  await caughtUp();
  expect(publishedBy).toEqual([6, 1]);
  expect(held).toEqual([]);
});

test('an event that can never be published is parked when the relay says so, with its stream behind it', async () => {
  const [sick, healthy] = [randomUUID(), randomUUID()];
  const published: StoredEvent[] = [];
  await appendEach(store, sick, 3);
  await appendEach(store, healthy, 3);
  start(
    async (events) => {
      if (events.some(({ streamId, version }) => streamId === sick && version === 2)) throw new Error('too large');
      published.push(...events);
    },
    { isPoison: () => true },
  );
  await caughtUp();
  expect(published.map(({ streamId, version }) => [streamId, version])).toEqual([
    [sick, 1],
    ...[1, 2, 3].map((version) => [healthy, version]),
  ]);
  expect((await listParked(store.pool, 'es')).map(({ error }) => error)).toEqual(['Error: too large', undefined]);
});
