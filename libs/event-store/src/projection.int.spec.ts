import { randomUUID } from 'node:crypto';
import { eventually } from '@quell/testing/eventually';
import { processorLag } from './checkpoint.ts';
import type { StoredEvent } from './event.ts';
import type { Follower } from './follow.ts';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';
import { problemsOf } from './history-check.fixture.ts';
import { createNotifier } from './notify.ts';
import { appendEach, countingProjection, effects, visible } from './projecting.fixture.ts';
import { type Projection, type ProjectionOptions, projectionRunner, projectionStep } from './projection.ts';

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

function start(projection: Projection, options: Partial<ProjectionOptions> = {}): Follower {
  const connection = { connectionString: store.url };
  const runner = projectionRunner(projection, { connection, pollMilliseconds: 20, retryMilliseconds: 100, ...options });
  runners.push(runner);
  runner.start();
  return runner;
}

const projected = (count: number) => eventually(async () => (await effects(store)).length >= count);

async function expectEachOnceInOrder(): Promise<void> {
  const { rows } = await store.pool.query('SELECT id, stream_id AS "streamId", version FROM es.event');
  expect(problemsOf(await effects(store), rows)).toEqual([]);
}

test('every event is projected once, each stream in order, through stops and starts', async () => {
  const projection = await countingProjection(store);
  const streams = [randomUUID(), randomUUID(), randomUUID()];
  const writing = Promise.all(streams.map((streamId) => appendEach(store, streamId, 20)));
  for (const goal of [10, 30, 50]) {
    const runner = start(projection, { batchSize: 7 });
    await projected(goal);
    await runner.stop();
  }
  await writing;
  start(projection, { batchSize: 7 });
  await projected(60);
  await expectEachOnceInOrder();
});

test('a second runner stands by, and takes over when the first stops', async () => {
  const counts = [0, 0];
  const projection = await countingProjection(store);
  const counted = (index: 0 | 1): Projection => ({
    ...projection,
    handle: (client, events) => {
      counts[index] = (counts[index] ?? 0) + events.length;
      return projection.handle(client, events);
    },
  });
  const streamId = randomUUID();
  await appendEach(store, streamId, 3);
  const first = start(counted(0));
  await projected(3);
  start(counted(1));
  await appendEach(store, streamId, 3, 3);
  await projected(6);
  expect(counts).toEqual([6, 0]);
  await first.stop();
  await appendEach(store, streamId, 3, 6);
  await projected(9);
  expect(counts).toEqual([6, 3]);
  await expectEachOnceInOrder();
});

test('a zombie that read the same events waits for the other, loses the compare-and-set, and leaves no effect', async () => {
  let entered = () => {};
  const inHandle = new Promise<void>((resolve) => {
    entered = resolve;
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const projection = await countingProjection(store, async () => {
    entered();
    await released;
  });
  await appendEach(store, randomUUID(), 3);
  const [owner, zombie] = [await store.connect(), await store.connect()];
  const [ownerStep, zombieStep] = [projectionStep(projection, {}), projectionStep(projection, {})];
  await visible(store, 3);
  const owned = ownerStep(owner);
  await inHandle;
  const outcome = zombieStep(zombie).catch((error: unknown) => error);
  const { processID } = zombie as unknown as { processID: number };
  await eventually(async () => {
    const { rows } = await store.pool.query('SELECT wait_event_type FROM pg_stat_activity WHERE pid = $1', [processID]);
    return rows[0]?.wait_event_type === 'Lock';
  });
  release();
  await owned;
  expect(await outcome).toMatchObject({ name: 'CheckpointLost' });
  await expectEachOnceInOrder();
  // It reads the checkpoint again and goes on from there.
  expect(await zombieStep(zombie)).toBe(false);
});

test('the effects of a runner whose connection was ended are rolled back, and taken again by the next', async () => {
  let attempts = 0;
  const projection = await countingProjection(store, async (_, client) => {
    attempts += 1;
    if (attempts > 1) return;
    await client.query('INSERT INTO effect (version) VALUES (-1)');
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    await store.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    await client.query('SELECT 1');
  });
  await appendEach(store, randomUUID(), 3);
  start(projection);
  await projected(3);
  expect(attempts).toBeGreaterThan(1);
  await expectEachOnceInOrder();
});

test('a batch that exceeds transaction_timeout is halved until it fits, and nothing is parked', async () => {
  const sizes: number[] = [];
  const projection = await countingProjection(store, async (events, client) => {
    sizes.push(events.length);
    if (events.length > 2) await client.query('SELECT pg_sleep(30)');
  });
  await appendEach(store, randomUUID(), 8);
  await visible(store, 8);
  start(projection, { connection: { connectionString: store.url, options: '-c transaction_timeout=300' } });
  await projected(8);
  expect(sizes.slice(0, 3)).toEqual([8, 4, 2]);
  await expectEachOnceInOrder();
  expect((await processorLag(store.pool, 'es', 'counting_v1')).parkedEvents).toBe(0);
});

test('what is not the fault of an event is waited out: here a table that is made later', async () => {
  const errors: unknown[] = [];
  const projection = await countingProjection(store, (_, client) => client.query('SELECT * FROM made_later'));
  await appendEach(store, randomUUID(), 2);
  start(projection, { onError: (error) => errors.push(error) });
  await eventually(() => errors.length >= 3);
  expect(await effects(store)).toEqual([]);
  await store.pool.query('CREATE TABLE made_later ()');
  await projected(2);
  await expectEachOnceInOrder();
});

test('the lag counts what is behind the gate, and is zero when nothing is left', async () => {
  const projection = await countingProjection(store);
  const lag = () => processorLag(store.pool, 'es', 'counting_v1');
  expect(await lag()).toEqual({ positionsBehind: 0, oldestUnprocessedSeconds: 0, parkedEvents: 0 });
  await appendEach(store, randomUUID(), 4);
  const before = await lag();
  expect(before).toMatchObject({ positionsBehind: 4, parkedEvents: 0 });
  await eventually(async () => (await lag()).oldestUnprocessedSeconds > before.oldestUnprocessedSeconds);
  const writer = await store.connect();
  await writer.query('BEGIN');
  await writer.query('SELECT pg_current_xact_id()');
  await appendEach(store, randomUUID(), 2);
  start(projection);
  await eventually(async () => (await lag()).positionsBehind === 2);
  await writer.query('COMMIT');
  await eventually(async () => (await lag()).positionsBehind === 0);
  expect(await lag()).toEqual({ positionsBehind: 0, oldestUnprocessedSeconds: 0, parkedEvents: 0 });
});

test('a hint wakes a runner that would not look again for an hour', async () => {
  const projection = await countingProjection(store);
  start(projection, { pollMilliseconds: 3_600_000 });
  await eventually(async () => {
    // Its looks soon after the last event are over.
    const { rows } = await store.pool.query(
      `SELECT FROM pg_stat_activity WHERE application_name = 'counting_v1' AND state = 'idle' AND state_change < now() - interval '1 second'`,
    );
    return rows.length === 1;
  });
  const notifier = createNotifier({ connection: { connectionString: store.url }, schema: 'es' });
  await appendEach(store, randomUUID(), 1);
  notifier.notify();
  await projected(1);
  await notifier.close();
});

test('events reach the handler lifted by the upcasters', async () => {
  const data: unknown[] = [];
  const projection = await countingProjection(store, (events: readonly StoredEvent[]) =>
    data.push(...events.map((event) => event.data)),
  );
  await appendEach(store, randomUUID(), 1);
  start(projection, { upcasters: { Something: { 1: () => ({ schemaVersion: 2, data: 'lifted' }) } } });
  await projected(1);
  expect(data).toEqual(['lifted']);
});
