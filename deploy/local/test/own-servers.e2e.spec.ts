import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testKafka } from '@quell/testing/kafka';
import { freshDatabase } from '@quell/testing/postgres';
import { processesMentioning } from '@quell/testing/processes';
import pg from 'pg';
import { cleanUp, nothingLeft, processIds, startLauncher, temporaryDataDir } from './launcher-process.ts';

// An engine of this machine would be used otherwise.
const noDocker = { DOCKER_HOST: 'tcp://127.0.0.1:1' };
afterEach(cleanUp);

test('two stacks run side by side; a killed launcher leaves nothing, and the next start has all data at once', async () => {
  const [dirA, dirB] = [await temporaryDataDir(), await temporaryDataDir()];
  const a = startLauncher({ ...noDocker, QUELL_DATA_DIR: dirA });
  const b = startLauncher({ ...noDocker, QUELL_DATA_DIR: dirB });
  const [urlA, urlB] = await Promise.all([a.ready(), b.ready()]);
  const before = await facts(dirA, urlA);
  await inDatabase(before.migrationUrl, 'CREATE TABLE ingest.kept AS SELECT 42 AS answer');
  const idsA = Object.values(await processIds(dirA));
  expect(idsA).toHaveLength(6);

  for (const secret of await secretsOf(dirA)) expect(await processesMentioning(secret)).toEqual([]);

  a.signal('SIGKILL');
  await a.exit;
  // At once, while the former servers may still hold their locks.
  const again = startLauncher({ ...noDocker, QUELL_DATA_DIR: dirA });
  await nothingLeft(undefined, idsA);
  expect((await fetch(`${urlB}/readyz`)).status).toBe(200);
  const after = await facts(dirA, await again.ready());
  expect(after.adminKey).toBe(before.adminKey);
  expect(after.clusterId).toBe(before.clusterId);
  expect(await inDatabase(after.ingestUrl, 'SELECT answer FROM ingest.kept')).toEqual([{ answer: 42 }]);

  const idsB = Object.values(await processIds(dirB));
  b.signal('SIGKILL');
  await b.exit;
  await nothingLeft(dirB, idsB);

  const idsAgain = Object.values(await processIds(dirA));
  again.signal('SIGINT');
  expect(await again.exit).toBe(0);
  await nothingLeft(dirA, idsAgain);
  expect(await readFile(join(dirA, 'postgres', 'postgres.log'), 'utf8')).toMatch(/database system is shut down\n$/);
}, 600_000);

test('the death of Kafka stops everything and says so', async () => {
  const database = await freshDatabase();
  await expectDeathToStopAll('kafka', { DATABASE_URL: database.url });
  await database.drop();
}, 400_000);

test('the death of Postgres stops everything and says so', async () => {
  await expectDeathToStopAll('postgres', { KAFKA_BROKERS: testKafka().brokers.join(',') });
}, 400_000);

async function expectDeathToStopAll(server: string, env: Record<string, string>): Promise<void> {
  const dataDir = await temporaryDataDir();
  const launcher = startLauncher({ ...noDocker, ...env, QUELL_DATA_DIR: dataDir });
  await launcher.ready();
  const ids = await processIds(dataDir);

  process.kill(ids[server] ?? 0, 'SIGKILL');
  expect(await launcher.exit).toBe(1);
  expect(launcher.output()).toContain(`${server} ended: ended by SIGKILL`);
  await nothingLeft(dataDir, Object.values(ids));
}

/** All that the data directory keeps from others. */
async function secretsOf(dataDir: string): Promise<string[]> {
  const roles = await readdir(join(dataDir, 'postgres-roles'));
  const files = ['admin.key', join('postgres', 'password'), ...roles.map((role) => join('postgres-roles', role))];
  const secrets = await Promise.all(files.map((file) => readFile(join(dataDir, file), 'utf8')));
  expect(secrets).toHaveLength(8);
  return secrets.map((secret) => secret.trim());
}

async function facts(dataDir: string, url: string) {
  const env = (await (await fetch(`${url}/ingest/env`)).json()) as Record<string, string>;
  const meta = await readFile(join(dataDir, 'kafka', 'data', 'metadata', 'meta.properties'), 'utf8');
  return {
    adminKey: env.QUELL_ADMIN_KEY,
    clusterId: /cluster\.id=(.+)/.exec(meta)?.[1],
    ingestUrl: env.DATABASE_URL ?? '',
    migrationUrl: env.QUELL_MIGRATION_DATABASE_URL ?? '',
  };
}

async function inDatabase(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
