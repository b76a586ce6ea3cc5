import { randomUUID } from 'node:crypto';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { type EndpointChange, EndpointChanges, enqueueEndpointChange } from './endpoint-changes.ts';

let database: TestDatabase;
const log = createLog('test', 'silent');
beforeEach(async () => {
  database = await testDatabase();
});
afterEach(() => database.drop());

const enqueue = () =>
  inTransaction(database.pool, (client) =>
    enqueueEndpointChange(client, {
      endpointId: randomUUID(),
      reason: 'enrolled',
      agentId: 'a',
      changedAt: new Date(),
    }),
  );
const left = async () =>
  (await database.pool.query('SELECT count(*)::int AS n FROM mitigation.endpoint_change')).rows[0].n;

test('every handler gets a change, in the order they were added, and then it is gone', async () => {
  const changes = new EndpointChanges(database.pool, log);
  const calls: [string, EndpointChange][] = [];
  changes.onEndpointChanged('first', async (change) => void calls.push(['first', change]));
  changes.onEndpointChanged('second', async (change) => void calls.push(['second', change]));
  const change = await enqueue();
  await changes.deliver();
  expect(calls).toEqual([
    ['first', change],
    ['second', change],
  ]);
  expect(await left()).toBe(0);
});

test('a change whose handler fails stays, and is handled again once it is due', async () => {
  const changes = new EndpointChanges(database.pool, log);
  let calls = 0;
  changes.onEndpointChanged('flaky', async () => {
    calls += 1;
    if (calls === 1) throw new Error('not yet');
  });
  await enqueue();
  await changes.deliver();
  expect(await left()).toBe(1);
  await changes.deliver();
  expect(calls).toBe(1);
  await database.pool.query('UPDATE mitigation.endpoint_change SET due_at = now()');
  await changes.deliver();
  expect([calls, await left()]).toEqual([2, 0]);
});

test('a change that a dead replica had claimed is taken over, and two living replicas do not both take one', async () => {
  const seen: string[] = [];
  const replicas = [new EndpointChanges(database.pool, log), new EndpointChanges(database.pool, log)];
  for (const replica of replicas) replica.onEndpointChanged('seen', async ({ changeId }) => void seen.push(changeId));
  const made = await Promise.all(Array.from({ length: 30 }, enqueue));
  await Promise.all(replicas.map((replica) => replica.deliver()));
  expect(seen.sort()).toEqual(made.map(({ changeId }) => changeId).sort());

  await enqueue();
  await database.pool.query(`UPDATE mitigation.endpoint_change SET attempts = 1, due_at = now() - interval '1 second'`);
  await replicas[0]!.deliver();
  expect(await left()).toBe(0);
});

test('a handler runs outside any transaction of ours, so it may append first in its own', async () => {
  const changes = new EndpointChanges(database.pool, log);
  let open: unknown;
  changes.onEndpointChanged('looks', async () => {
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
    );
    open = rows[0].n;
  });
  await enqueue();
  await changes.deliver();
  expect(open).toBe(0);
});
