import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { TaskConflict } from './conflict.ts';
import { retryingConflicts } from './task-store.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

test('what meets conflicts is run again from its beginning, in a new transaction', async () => {
  const transactions = new Set<string>();
  const answer = await retryingConflicts(database.pool, async (client) => {
    const { rows } = await client.query('SELECT pg_current_xact_id()::text AS id');
    transactions.add(rows[0].id);
    if (transactions.size < 4) throw new TaskConflict('somebody else was faster');
    return 'done';
  });
  expect([answer, transactions.size]).toEqual(['done', 4]);
});

test('conflicts without end are answered 503 with the time to come back, and keep their cause', async () => {
  let tries = 0;
  const conflict = new TaskConflict('somebody else was faster');
  const working = retryingConflicts(
    database.pool,
    async () => {
      tries++;
      throw conflict;
    },
    3,
  );
  await expect(working).rejects.toMatchObject({
    problem: { status: 503 },
    headers: { 'retry-after': '1' },
    cause: conflict,
  });
  expect(tries).toBe(3);
});

test('what is no conflict is not tried again', async () => {
  let tries = 0;
  const fault = new Error('a bug');
  const working = retryingConflicts(database.pool, async () => {
    tries++;
    throw fault;
  });
  await expect(working).rejects.toBe(fault);
  expect(tries).toBe(1);
});
