import { randomUUID } from 'node:crypto';
import { eventually } from '@quell/testing/eventually';
import { processorLag } from './checkpoint.ts';
import type { StoredEvent } from './event.ts';
import type { Follower } from './follow.ts';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';
import { problemsOf } from './history-check.fixture.ts';
import { listParked, type ParkedEvent, requestRetry, unpark } from './parked.ts';
import { appendEach, countingProjection, effects } from './projecting.fixture.ts';
import { projectionRunner } from './projection.ts';
import type { Upcasters } from './upcast.ts';

const processor = 'counting_v1';
const [sick, healthy] = [randomUUID(), randomUUID()];
let store: FreshStore;
let runner: Follower;
/** Version of the stream `sick` that the handler cannot take; 0 for none. */
let poison: number;
beforeEach(async () => {
  store = await freshStore();
  poison = 3;
});
afterEach(async () => {
  await runner.stop();
  await store.close();
});

async function start(failure: (event: StoredEvent) => unknown, upcasters: Upcasters = {}): Promise<void> {
  const projection = await countingProjection(store, async (events, client) => {
    for (const event of events) if (event.streamId === sick && event.version === poison) await failure(event);
    await client.query('SELECT 1');
  });
  runner = projectionRunner(projection, {
    connection: { connectionString: store.url },
    pollMilliseconds: 20,
    upcasters,
  });
  runner.start();
}

const throwing = () => {
  throw new Error('cannot fold this');
};
const caughtUp = () => eventually(async () => (await processorLag(store.pool, 'es', processor)).positionsBehind === 0);
const versions = async (streamId: string) =>
  (await effects(store)).filter((row) => row.streamId === streamId).map(({ version }) => version);
const parkedVersions = async () => {
  const { rows } = await store.pool.query(
    'SELECT e.version FROM es.parked AS p JOIN es.event AS e USING (txid, position) ORDER BY e.version',
  );
  return rows.map(({ version }) => version);
};

async function appendMixed(): Promise<void> {
  for (let version = 0; version < 6; version++) {
    await appendEach(store, sick, 1, version);
    await appendEach(store, healthy, 1, version);
  }
}

test('a failing event is parked with its reason, its stream behind it, and the other streams go on', async () => {
  await appendMixed();
  await start(throwing);
  await caughtUp();
  expect(await versions(healthy)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await versions(sick)).toEqual([1, 2]);
  const parked = await listParked(store.pool, 'es');
  expect(parked.map(({ streamId, error, attempts }) => ({ streamId, error, attempts }))).toEqual([
    { streamId: sick, error: 'Error: cannot fold this', attempts: 1 },
    ...[4, 5, 6].map(() => ({ streamId: sick, error: undefined, attempts: 0 })),
  ]);
  expect((await processorLag(store.pool, 'es', processor)).parkedEvents).toBe(4);
});

test('after a retry that succeeds nothing is lost, doubled or out of order, and the stream flows again', async () => {
  await appendMixed();
  await start(throwing);
  await caughtUp();
  poison = 0;
  expect(await requestRetry(store.pool, 'es', processor, sick)).toBe(true);
  const more = appendEach(store, sick, 10, 6);
  await eventually(async () => {
    // What was appended before the retry was through is parked behind it, and wants to be asked for as well.
    await requestRetry(store.pool, 'es', processor, sick);
    return (await versions(sick)).length === 16;
  });
  await more;
  const { rows } = await store.pool.query('SELECT id, stream_id AS "streamId", version FROM es.event');
  expect(problemsOf(await effects(store), rows)).toEqual([]);
  expect(await parkedVersions()).toEqual([]);
});

test('a retry that fails counts the attempt and keeps everything parked', async () => {
  await appendMixed();
  await start(throwing);
  await caughtUp();
  await requestRetry(store.pool, 'es', processor, sick);
  await eventually(async () => (await listParked(store.pool, 'es'))[0]?.attempts === 2);
  expect(await parkedVersions()).toEqual([3, 4, 5, 6]);
  expect(await versions(sick)).toEqual([1, 2]);
});

test('one parked event can be given up, and the rest of its stream retried', async () => {
  await appendMixed();
  await start(throwing);
  await caughtUp();
  const [first] = (await listParked(store.pool, 'es')) as [ParkedEvent];
  expect(await unpark(store.pool, 'es', processor, first)).toBe(true);
  expect(await unpark(store.pool, 'es', processor, first)).toBe(false);
  await requestRetry(store.pool, 'es', processor, sick);
  await eventually(async () => (await parkedVersions()).length === 0);
  expect(await versions(sick)).toEqual([1, 2, 4, 5, 6]);
  await appendEach(store, sick, 1, 6);
  await eventually(async () => (await versions(sick)).includes(7));
});

test('parked streams are still parked after a restart', async () => {
  await appendMixed();
  await start(throwing);
  await caughtUp();
  await runner.stop();
  poison = 0;
  await appendEach(store, sick, 1, 6);
  await store.pool.query('DROP TABLE effect');
  await start(throwing);
  await caughtUp();
  expect(await parkedVersions()).toEqual([3, 4, 5, 6, 7]);
});

test('an event that its upcaster cannot lift is parked, and retried through the upcaster of then', async () => {
  poison = 0;
  let broken = true;
  await appendEach(store, sick, 2);
  await start(throwing, {
    Something: {
      1: () => {
        if (broken) throw new Error('unknown shape');
        return { schemaVersion: 2, data: 'lifted' };
      },
    },
  });
  await caughtUp();
  expect(await parkedVersions()).toEqual([1, 2]);
  broken = false;
  await requestRetry(store.pool, 'es', processor, sick);
  await eventually(async () => (await versions(sick)).length === 2);
  expect((await effects(store)).map(({ data }) => data)).toEqual(['"lifted"', '"lifted"']);
});

test('a failure of Postgres that lies in the data parks as well', async () => {
  await appendMixed();
  const client = await store.connect();
  await start(() => client.query(`SELECT 'x'::int`));
  await caughtUp();
  expect(await parkedVersions()).toEqual([3, 4, 5, 6]);
});
