import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import pg from 'pg';
import { pino } from 'pino';
import { openDatabase } from '../src/database.ts';
import type { ReportingViews } from '../src/reporting-views.ts';

// Roles belong to the whole server, which other tests use too.
const [first, second] = ['first', 'second'].map((name) => `${name}_${randomBytes(6).toString('hex')}`) as [
  string,
  string,
];
let database: FreshDatabase;
let owner: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  for (const role of [first, second]) {
    await owner.query(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
    await owner.query(
      `DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ${role}', current_database()); END $$`,
    );
  }
});
afterAll(async () => {
  for (const role of [second, first]) await owner.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  await owner.end();
  await database.drop();
});

/** A start of a service under a role of its own that also migrates. @returns what it logged */
async function start(role: string, reportingViews: ReportingViews): Promise<string> {
  const url = Object.assign(new URL(database.url), { username: role, password: 'p' }).href;
  const lines = new PassThrough();
  const log = pino(lines);
  const opened = await openDatabase({ service: role, url, schemas: [role], migrations: [], reportingViews, log });
  await opened.close();
  lines.end();
  return text(lines);
}

const read = async (view: string) => (await owner.query(`SELECT * FROM reporting.${view}`)).rows;

test('a service whose role may not write to schema reporting starts without its views, names the cure, and makes them once it may', async () => {
  expect(await start(first, { ones: 'SELECT 1 AS n' })).not.toContain('dashboards');
  expect(await read('ones')).toEqual([{ n: 1 }]);

  const cure = `GRANT USAGE, CREATE ON SCHEMA reporting TO ${second}`;
  const twos = { twos: 'SELECT 2 AS n', threes: 'SELECT 3 AS n' };
  expect(await start(second, twos)).toContain(cure);
  await expect(read('twos')).rejects.toThrow('does not exist');

  await owner.query(cure);
  expect(await start(second, twos)).not.toContain('dashboards');
  expect([await read('twos'), await read('threes')]).toEqual([[{ n: 2 }], [{ n: 3 }]]);
  expect(await start(second, twos)).not.toContain('dashboards');
});

test('a view that cannot be made for another reason is a fault', async () => {
  await expect(start(first, { broken: 'SELECT nothing' })).rejects.toThrow('"nothing" does not exist');
});
