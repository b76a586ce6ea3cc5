import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type LocalPostgres, startPostgres } from '../src/postgres.ts';
import { provision } from '../src/provision.ts';

// Roles belong to a whole server, so this has one of its own.
const passwords = { ingest: 'i', mitigation: 'm', migration: 'g', grafana: 'r' };
let dir: string;
let server: LocalPostgres;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quell-provision-'));
  await chmod(dir, 0o711);
  server = await startPostgres({ dataDir: dir, settings: { fsync: 'off' } });
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

async function query(url: string, ...statements: string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: unknown[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

test('a role that is not superuser can provision, twice, in a database of its own', async () => {
  await query(
    server.url,
    "CREATE ROLE operator LOGIN CREATEROLE PASSWORD 'o'",
    'CREATE DATABASE theirs OWNER operator',
  );
  const url = new URL(server.url);
  url.username = 'operator';
  url.password = 'o';
  url.pathname = '/theirs';

  await provision(url.href, passwords);
  const theirs = await provision(url.href, passwords);
  await query(theirs.urlFor('migration'), 'CREATE TABLE ingest.a AS SELECT 1 AS n');
  expect(await query(theirs.urlFor('ingest'), 'SELECT n, current_database() AS d FROM a')).toEqual([
    { n: 1, d: 'theirs' },
  ]);
});

test('launchers that provision one server at the same time do not hinder each other', async () => {
  const names = ['one', 'two', 'three', 'four'];
  for (const name of names) await query(server.url, `CREATE DATABASE ${name}`);
  const provisioned = names.map((name) => {
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    return provision(url.href, passwords);
  });
  const databases = await Promise.all(provisioned);
  for (const { urlFor } of databases) expect(await query(urlFor('ingest'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
});

describe('in the database made for a superuser', () => {
  let urlFor: Awaited<ReturnType<typeof provision>>['urlFor'];

  beforeAll(async () => {
    ({ urlFor } = await provision(server.url, passwords));
    await query(
      urlFor('migration'),
      'CREATE EXTENSION IF NOT EXISTS pg_trgm',
      'CREATE TABLE mitigation.task (id int GENERATED ALWAYS AS IDENTITY, name text)',
      'CREATE TABLE auth.api_key (hash bytea)',
      'CREATE VIEW reporting.tasks AS SELECT name FROM mitigation.task',
    );
  });

  test('a service reads and writes its own schema and no other', async () => {
    expect(await query(urlFor('mitigation'), "INSERT INTO task (name) VALUES ('one') RETURNING id")).toEqual([
      { id: 1 },
    ]);
    await expect(query(urlFor('ingest'), 'SELECT FROM mitigation.task')).rejects.toThrow('permission denied');
    await expect(query(urlFor('mitigation'), 'SELECT FROM auth.api_key')).rejects.toThrow('permission denied');
    await expect(query(urlFor('mitigation'), 'CREATE TABLE mitigation.own ()')).rejects.toThrow('permission denied');
    expect(await query(urlFor('ingest'), "INSERT INTO auth.api_key VALUES ('') RETURNING 1 AS n")).toEqual([{ n: 1 }]);
  });

  test('grafana reads the reporting views alone and changes nothing', async () => {
    expect(await query(urlFor('grafana'), 'SELECT name FROM reporting.tasks')).toEqual([{ name: 'one' }]);
    await expect(query(urlFor('grafana'), 'SELECT FROM mitigation.task')).rejects.toThrow('permission denied');
    await expect(query(urlFor('grafana'), 'CREATE TEMPORARY TABLE t ()')).rejects.toThrow('read-only');
  });

  test('the service roles end transactions that would hold the feed back', async () => {
    const shown =
      "SELECT current_setting('transaction_timeout') AS t, current_setting('idle_in_transaction_session_timeout') AS i";
    for (const role of ['ingest', 'mitigation'] as const) {
      expect(await query(urlFor(role), shown)).toEqual([{ t: '10s', i: '10s' }]);
    }
    expect(await query(urlFor('migration'), shown)).toEqual([{ t: '0', i: '0' }]);
  });

  test('doing it again keeps the data and takes a new password', async () => {
    const again = await provision(server.url, { ...passwords, mitigation: 'new' });
    expect(await query(again.urlFor('mitigation'), 'SELECT name FROM task')).toEqual([{ name: 'one' }]);
    await expect(query(urlFor('mitigation'), 'SELECT 1')).rejects.toThrow('password authentication failed');
    await provision(server.url, passwords);
  });
});
