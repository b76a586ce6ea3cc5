import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import {
  cleanUp,
  fixtureLauncher,
  nothingLeft,
  processIds,
  startLauncher,
  temporaryDataDir,
} from './launcher-process.ts';

// With servers of the outside a start takes a moment; those of its own are the matter of own-servers.e2e.spec.ts.
// A guard, not a measure: a machine that is busy with other tests gets its time.
jest.setTimeout(300_000);

let database: FreshDatabase;
let outside: Record<string, string>;

// Each of its own: a database stays with the data directory that has the passwords of its roles.
beforeEach(async () => {
  database = await freshDatabase();
  outside = { DATABASE_URL: database.url, KAFKA_BROKERS: testKafka().brokers.join(',') };
});
afterEach(async () => {
  await cleanUp();
  await database.drop();
});

test('SIGTERM stops a ready stack with exit code 0 and leaves nothing', async () => {
  const dataDir = await temporaryDataDir();
  const launcher = startLauncher({ ...outside, QUELL_DATA_DIR: dataDir });
  const url = await launcher.ready();
  expect((await fetch(`${url}/ingest/`)).status).toBe(200);
  const ids = Object.values(await processIds(dataDir));
  expect(ids).toHaveLength(4);

  launcher.signal('SIGTERM');
  expect(await launcher.exit).toBe(0);
  await nothingLeft(dataDir, ids);
  expect(launcher.output()).toContain('DATABASE_URL is set');
  expect(launcher.output()).toContain('KAFKA_BROKERS is set');
  for (const service of ['gateway', 'ingest', 'mitigation']) {
    expect(await readFile(join(dataDir, 'logs', `${service}.log`), 'utf8')).toContain('"stopped"');
  }
});

test('each service is given its own role, and only ingest the admin key', async () => {
  const dataDir = await temporaryDataDir();
  const launcher = startLauncher({ ...outside, QUELL_DATA_DIR: dataDir, QUELL_LEASE_SECONDS: '7' });
  const url = await launcher.ready();
  const envOf = async (path: string) => (await (await fetch(`${url}${path}/env`)).json()) as Record<string, string>;
  const [gateway, ingest, mitigation] = await Promise.all([envOf(''), envOf('/ingest'), envOf('/mitigation')]);

  const prefix = `quell${new URL(database.url).pathname.replace('/', '_')}`;
  expect(new URL(ingest.DATABASE_URL ?? '').username).toBe(`${prefix}_ingest`);
  expect(new URL(mitigation.DATABASE_URL ?? '').username).toBe(`${prefix}_mitigation`);
  expect(new URL(mitigation.QUELL_MIGRATION_DATABASE_URL ?? '').username).toBe(`${prefix}_migration`);
  expect(gateway.DATABASE_URL).toBeUndefined();
  const keyFile = join(dataDir, 'admin.key');
  expect(ingest.QUELL_ADMIN_KEY).toBe((await readFile(keyFile, 'utf8')).trim());
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  expect(mitigation.QUELL_ADMIN_KEY).toBeUndefined();
  expect(gateway.QUELL_ADMIN_KEY).toBeUndefined();
  expect([gateway, ingest, mitigation].map((env) => env.QUELL_LEASE_SECONDS)).toEqual(['7', '7', '7']);
});

test('a service that dies stops everything, with its last words', async () => {
  const dataDir = await temporaryDataDir();
  const launcher = startLauncher({ ...outside, QUELL_DATA_DIR: dataDir });
  const url = await launcher.ready();
  const ids = Object.values(await processIds(dataDir));

  await fetch(`${url}/mitigation/die`, { method: 'POST' }).catch(() => {});
  expect(await launcher.exit).toBe(1);
  expect(launcher.output()).toContain('mitigation ended: exit code 3, uncaught exception: fixture told to die');
  await nothingLeft(dataDir, ids);
});

test('a service that does not start stops everything, with its last words', async () => {
  const dataDir = await temporaryDataDir();
  const launcher = startLauncher({ ...outside, QUELL_DATA_DIR: dataDir, FIXTURE_DIES_AT_START: 'ingest' });
  expect(await launcher.exit).toBe(1);
  expect(launcher.output()).toContain(
    'ingest ended while starting: exit code 1, the start failed: fixture told to die',
  );
  await nothingLeft(dataDir, [launcher.pid]);
});

test('a second launcher on the same data directory is refused and names the first', async () => {
  const dataDir = await temporaryDataDir();
  const first = startLauncher({ ...outside, QUELL_DATA_DIR: dataDir });
  const url = await first.ready();

  const second = startLauncher({ ...outside, QUELL_DATA_DIR: dataDir });
  expect(await second.exit).toBe(1);
  expect(second.output()).toContain(`in use by the launcher with process id ${first.pid}`);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

test('the lock of a launcher that was killed is taken over', async () => {
  const dataDir = await temporaryDataDir();
  const first = startLauncher({ ...outside, QUELL_DATA_DIR: dataDir });
  await first.ready();
  first.signal('SIGKILL');
  await first.exit;

  await expect(startLauncher({ ...outside, QUELL_DATA_DIR: dataDir }).ready()).resolves.toMatch(/^http:/);
});

test('a second data directory on the database of a running stack is refused, and the first goes on', async () => {
  const first = startLauncher({ ...outside, QUELL_DATA_DIR: await temporaryDataDir() });
  const url = await first.ready();

  const second = startLauncher({ ...outside, QUELL_DATA_DIR: await temporaryDataDir() });
  expect(await second.exit).toBe(1);
  expect(second.output()).toContain('in use with another QUELL_DATA_DIR');
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

test('a busy port is refused with the cure before anything starts', async () => {
  const busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
  const address = busy.address();
  const port = address && typeof address === 'object' ? String(address.port) : '';
  const dataDir = await temporaryDataDir();
  const launcher = startLauncher({ ...outside, QUELL_DATA_DIR: dataDir, QUELL_PORT: port });
  expect(await launcher.exit).toBe(1);
  expect(launcher.output()).toBe(
    `Port ${port} on 127.0.0.1 is taken. Stop what uses it, or set QUELL_PORT to another port.\n`,
  );
  busy.close();
});

test('a missing Java is refused with the cure, and what had started is stopped', async () => {
  const dataDir = await temporaryDataDir();
  const launcher = startLauncher({ DATABASE_URL: database.url, QUELL_DATA_DIR: dataDir, PATH: dataDir });
  expect(await launcher.exit).toBe(1);
  expect(launcher.output()).toContain('Kafka needs Java, and java does not run. Install Java 17');
  await nothingLeft(dataDir, [launcher.pid]);
});

test('a database that does not answer is refused with the cure', async () => {
  const dataDir = await temporaryDataDir();
  const url = new URL(database.url);
  url.password = 'wrong';
  const launcher = startLauncher({ ...outside, DATABASE_URL: url.href, QUELL_DATA_DIR: dataDir });
  expect(await launcher.exit).toBe(1);
  expect(launcher.output()).toContain('DATABASE_URL does not work');
  expect(launcher.output()).not.toContain('wrong@');
});

test('a launcher under npm stops when npm is killed', async () => {
  const dataDir = await temporaryDataDir();
  // The shell in the middle is what npm puts there; with a command left to run, it does not replace itself with the launcher.
  const script = `sh -c '"$0" "$1"; true' "${process.execPath}" "${fixtureLauncher}"; true`;
  const npm = spawn('bash', ['-c', script], {
    stdio: 'ignore',
    env: { ...process.env, ...outside, QUELL_DATA_DIR: dataDir, QUELL_PORT: '0', npm_lifecycle_event: 'start' },
  });
  const ids = await eventually(() => processIds(dataDir), { timeoutMs: 120_000 });

  npm.kill('SIGKILL');
  await nothingLeft(dataDir, Object.values(ids));
});
