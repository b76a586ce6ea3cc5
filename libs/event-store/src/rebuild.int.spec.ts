import { randomUUID } from 'node:crypto';
import { eventually } from '@quell/testing/eventually';
import type pg from 'pg';
import { processorLag } from './checkpoint.ts';
import type { Follower } from './follow.ts';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';
import { appendEach } from './projecting.fixture.ts';
import { type Projection, projectionRunner } from './projection.ts';
import { swapWhenCaughtUp } from './rebuild.ts';

let store: FreshStore;
let client: pg.Client;
const runners: Follower[] = [];
beforeEach(async () => {
  store = await freshStore();
  client = await store.connect();
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
  await store.close();
});

async function view(version: number): Promise<Projection> {
  const table = `things_v${version}`;
  await store.pool.query(`CREATE TABLE ${table} (id uuid)`);
  return {
    name: 'things',
    version,
    schema: 'es',
    async handle(tx, events) {
      await tx.query(`INSERT INTO ${table} SELECT unnest($1::uuid[])`, [events.map(({ id }) => id)]);
    },
  };
}

function start(projection: Projection, errors: unknown[] = []): Follower {
  const runner = projectionRunner(projection, {
    connection: { connectionString: store.url },
    pollMilliseconds: 20,
    onError: (error) => errors.push(error),
  });
  runners.push(runner);
  runner.start();
  return runner;
}

const caughtUp = (processor: string) =>
  eventually(async () => (await processorLag(store.pool, 'es', processor)).positionsBehind === 0);
const shown = async () => (await store.pool.query('SELECT count(*)::int AS count FROM things')).rows[0].count;
const swap = () =>
  swapWhenCaughtUp(client, {
    schema: 'es',
    from: 'things_v1',
    to: 'things_v2',
    swap: (tx) => tx.query('CREATE OR REPLACE VIEW things AS SELECT * FROM things_v2').then(() => undefined),
  });

test('a rebuild runs beside the old version and takes its place in one transaction, after which the old one ends', async () => {
  const errors: unknown[] = [];
  const old = await view(1);
  await store.pool.query('CREATE VIEW things AS SELECT * FROM things_v1');
  const streamId = randomUUID();
  await appendEach(store, streamId, 10);
  start(old, errors);
  await caughtUp('things_v1');
  const built = await view(2);
  await expect(swap()).rejects.toThrow('things_v2 has no checkpoint');
  await store.pool.query(`INSERT INTO es.checkpoint VALUES ('things_v2', '0', 0, now())`);
  expect(await swap()).toBe(false);
  start(built);
  await eventually(swap);
  await appendEach(store, streamId, 5, 10);
  // The old version learns of it with the next event.
  await eventually(() => errors.some((error) => String(error).includes('things_v1 is retired')));
  await caughtUp('things_v2');
  expect(await shown()).toBe(15);
  const { rows } = await store.pool.query('SELECT count(*)::int AS count FROM things_v1');
  expect(rows[0].count).toBe(10);
});

test('a swap that fails leaves the old version in place', async () => {
  const old = await view(1);
  await store.pool.query('CREATE VIEW things AS SELECT * FROM things_v1');
  await appendEach(store, randomUUID(), 3);
  start(old);
  await caughtUp('things_v1');
  start(await view(2));
  await caughtUp('things_v2');
  const broken = async (tx: pg.ClientBase) => {
    await tx.query('DROP VIEW things');
    throw new Error('no');
  };
  await expect(
    swapWhenCaughtUp(client, { schema: 'es', from: 'things_v1', to: 'things_v2', swap: broken }),
  ).rejects.toThrow('no');
  expect(await shown()).toBe(3);
});

test('a rebuild with parked events is not swapped in: they would be missing', async () => {
  start(await view(1));
  start(await view(2));
  await caughtUp('things_v1');
  await eventually(async () => (await store.pool.query('SELECT FROM es.checkpoint')).rowCount === 2);
  await store.pool.query(
    `INSERT INTO es.parked (processor, stream_id, txid, position, attempts, parked_at) VALUES ('things_v2', gen_random_uuid(), '9', 1, 1, now())`,
  );
  await expect(swap()).rejects.toThrow('things_v2 has parked events');
});
