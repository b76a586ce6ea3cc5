import { eventually } from '@quell/testing/eventually';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import pg from 'pg';
import { createPool } from '../src/database.ts';
import { createLog } from '../src/log.ts';
import { snapshotPages } from '../src/snapshot-pages.ts';

const LOCK = 4711;

let database: FreshDatabase;
let pool: pg.Pool;
let other: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  pool = createPool({ connectionString: database.url, max: 1 }, createLog('test', 'silent'));
  other = new pg.Client({ connectionString: database.url });
  await other.connect();
});
afterAll(async () => {
  await other.end();
  await pool.end();
  await database.drop();
});

const stateOf = async (sql: string, pid?: number) =>
  (await other.query<{ pid: number }>(`SELECT pid FROM pg_stat_activity WHERE ${sql}`, pid ? [pid] : [])).rows;

test('rows of several queries come in pages as of one moment, and the connection goes back to the pool', async () => {
  await other.query('CREATE TABLE seen AS SELECT generate_series(1, 600) AS n');
  const queries = [
    { text: 'SELECT n FROM seen WHERE n > $1 ORDER BY n', values: [100] },
    { text: 'SELECT count(*)::int AS n FROM seen' },
  ];
  const sizes: number[] = [];
  let last: { n: number }[] = [];
  for await (const rows of snapshotPages<{ n: number }>(pool, queries, new AbortController().signal)) {
    if (sizes.length === 0) await other.query('DELETE FROM seen');
    sizes.push(rows.length);
    last = rows;
  }
  expect([sizes, last]).toEqual([[250, 250, 1], [{ n: 600 }]]);
  expect((await pool.query("SELECT current_setting('transaction_isolation') AS level")).rows).toEqual([
    { level: 'read committed' },
  ]);
});

test('an abort ends a page that Postgres is still looking for, there as well, and its connection is free again', async () => {
  await other.query('SELECT pg_advisory_lock($1)', [LOCK]);
  const gone = new AbortController();
  const pages = snapshotPages(pool, [{ text: `SELECT pg_advisory_xact_lock(${LOCK})` }], gone.signal);
  const page = pages.next().then(
    () => 'a page',
    (error: unknown) => error,
  );
  const [held] = await eventually(async () => {
    const waiting = await stateOf(`wait_event = 'advisory' AND datname = current_database()`);
    return waiting.length > 0 && waiting;
  });
  const reason = new Error('the caller left');
  gone.abort(reason);
  expect(await page).toBe(reason);
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  await eventually(async () => (await stateOf('pid = $1', held!.pid)).length === 0);
});
