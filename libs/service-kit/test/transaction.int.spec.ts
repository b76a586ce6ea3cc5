import { createPool } from '@quell/service-kit/database';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import type pg from 'pg';

let database: FreshDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await freshDatabase();
  pool = createPool({ connectionString: database.url, max: 1 }, createLog('test', 'silent'));
  await pool.query('CREATE TABLE note (text text NOT NULL)');
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const notes = async () => (await pool.query('SELECT text FROM note')).rows.map(({ text }) => text);

test('work is kept when it resolves and undone when it rejects', async () => {
  await inTransaction(pool, (client) => client.query(`INSERT INTO note VALUES ('kept')`));
  const undone = inTransaction(pool, async (client) => {
    await client.query(`INSERT INTO note VALUES ('undone')`);
    throw new Error('changed my mind');
  });
  await expect(undone).rejects.toThrow('changed my mind');
  expect(await notes()).toEqual(['kept']);
});

test('work that swallowed the failure of a statement does not count as done', async () => {
  const swallowed = inTransaction(pool, async (client) => {
    await client.query(`INSERT INTO note VALUES ('lost')`);
    await client.query('INSERT INTO note VALUES (NULL)').catch(() => undefined);
  });
  await expect(swallowed).rejects.toThrow('has been rolled back');
  expect(await notes()).toEqual(['kept']);
});

test('a connection that broke in its transaction is not used again', async () => {
  const broken = inTransaction(pool, (client) => client.query('SELECT pg_terminate_backend(pg_backend_pid())'));
  await expect(broken).rejects.toThrow(/terminat/);
  expect(await notes()).toEqual(['kept']);
});
