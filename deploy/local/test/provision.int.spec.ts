import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type LocalPostgres, startPostgres } from '../src/postgres.ts';
import { provision, type RolePasswords } from '../src/provision.ts';
import { logins } from '../src/role-names.ts';

// Roles belong to a whole server, so this has one of its own.
const passwords = passwordsOf('p');
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

/** Makes a database; returns the superuser's URL of it. */
async function databaseOf(name: string): Promise<string> {
  await query(server.url, `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  const url = new URL(server.url);
  url.pathname = `/${encodeURI(name)}`;
  return url.href;
}

function passwordsOf(text: string) {
  return Object.fromEntries(logins.map((login) => [login, `${text} of ${login}`])) as RolePasswords;
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

test('instances on one server have a database each, and passwords of their own', async () => {
  const names = ['one', 'two', 'three', "it's $$4"];
  const databases = await Promise.all(names.map(async (name) => provision(await databaseOf(name), passwordsOf(name))));
  for (const { urlFor } of databases) {
    await query(urlFor('migration'), 'CREATE TABLE auth.api_key AS SELECT current_database() AS d');
    expect(await query(urlFor('ingest'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  }
  // Theirs to enter, as for everybody, but not to read.
  const url = new URL(databases[0]?.urlFor('ingest') ?? '');
  url.pathname = '/two';
  await expect(query(url.href, 'SELECT FROM auth.api_key')).rejects.toThrow('permission denied');
});

test('a database that is used as it is takes no right from others, and no role of theirs is changed', async () => {
  const used = await databaseOf('used');
  await query(server.url, "CREATE ROLE grafana LOGIN PASSWORD 'theirs'", "CREATE ROLE somebody LOGIN PASSWORD 's'");
  await provision(used, passwords);
  const as = (role: string, password: string) => {
    const url = new URL(used);
    url.username = role;
    url.password = password;
    return url.href;
  };
  expect(await query(as('somebody', 's'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  const shown = "SELECT current_setting('default_transaction_read_only') AS read_only";
  expect(await query(as('grafana', 'theirs'), shown)).toEqual([{ read_only: 'off' }]);
});

test('a role or a schema of the name we need that somebody else made is refused, and nothing is changed', async () => {
  const taken = await databaseOf('taken');
  await query(server.url, "CREATE ROLE quell_taken_mitigation LOGIN PASSWORD 'theirs'");
  await expect(provision(taken, passwords)).rejects.toThrow(
    /role quell_taken_mitigation that Quell did not make.*Rename/,
  );
  expect(await query(server.url, "SELECT FROM pg_roles WHERE rolname = 'quell_taken_ingest'")).toEqual([]);
  const other = await databaseOf('other');
  await query(other, 'CREATE SCHEMA auth');
  await expect(provision(other, passwords)).rejects.toThrow(
    /schema auth that belongs to the role postgres.*DATABASE_URL/,
  );
});

test('a second data directory on a database is refused with the cures, which work; the first goes on', async () => {
  const url = await databaseOf('shared');
  const first = await provision(url, passwords);
  const second = passwordsOf('second');
  const refusal = await provision(url, second).then(
    () => '',
    (error: Error) => error.message,
  );
  expect(refusal).toContain('copy its folder postgres-roles');
  expect(await query(first.urlFor('ingest'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  const takeOver = /run (COMMENT .*') there/.exec(refusal)?.[1] ?? '';
  await query(url, takeOver);
  const after = await provision(url, second);
  expect(await query(after.urlFor('ingest'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  await expect(provision(url, passwords)).rejects.toThrow('in use with another QUELL_DATA_DIR');
});

test('two data directories that find a database at the same time: one gets it', async () => {
  const url = await databaseOf('raced');
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((text) => provision(url, passwordsOf(text))));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(String(outcome.reason)).toContain('in use with another QUELL_DATA_DIR');
    else expect(await query(outcome.value.urlFor('mitigation'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  }
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

  test('doing it again keeps the data and repairs a password', async () => {
    const again = await provision(server.url, { ...passwords, mitigation: 'new' });
    expect(await query(again.urlFor('mitigation'), 'SELECT name FROM task')).toEqual([{ name: 'one' }]);
    await expect(query(urlFor('mitigation'), 'SELECT 1')).rejects.toThrow('password authentication failed');
    await provision(server.url, passwords);
    expect(await query(urlFor('mitigation'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  test('other roles of the server may not enter it', async () => {
    await query(server.url, "CREATE ROLE stranger LOGIN PASSWORD 's'");
    const url = new URL(urlFor('ingest'));
    url.username = 'stranger';
    url.password = 's';
    await expect(query(url.href, 'SELECT 1')).rejects.toThrow('permission denied for database');
  });
});
