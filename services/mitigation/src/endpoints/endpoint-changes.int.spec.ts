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

test('changes that are due together are handled together, but for those whose own handler failed', async () => {
  const changes = new EndpointChanges(database.pool, log);
  const [bad, ...good] = [await enqueue(), await enqueue(), await enqueue()];
  const together: EndpointChange[][] = [];
  changes.onEndpointChanged('each', async ({ changeId }) => {
    if (changeId === bad.changeId) throw new Error('not this one');
  });
  changes.onEndpointsChanged('all', async (all) => void together.push([...all]));
  await changes.deliver();
  expect(together.map((all) => all.map(({ changeId }) => changeId).sort())).toEqual([
    good.map(({ changeId }) => changeId).sort(),
  ]);
  expect(await left()).toBe(1);
});

test('changes that could not be handled together all stay', async () => {
  const changes = new EndpointChanges(database.pool, log);
  await enqueue();
  await enqueue();
  changes.onEndpointsChanged('all', () => Promise.reject(new Error('not yet')));
  await changes.deliver();
  expect(await left()).toBe(2);
});

test('a change that failed very often is still tried, once a minute', async () => {
  const changes = new EndpointChanges(database.pool, log);
  changes.onEndpointChanged('fails', () => Promise.reject(new Error('never')));
  await enqueue();
  await database.pool.query('UPDATE mitigation.endpoint_change SET attempts = 2000');
  await changes.deliver();
  const { rows } = await database.pool.query(
    `SELECT attempts, due_at BETWEEN now() + interval '50 s' AND now() + interval '60 s' AS "inAMinute" FROM mitigation.endpoint_change`,
  );
  expect(rows).toEqual([{ attempts: 2001, inAMinute: true }]);
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
