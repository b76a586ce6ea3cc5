import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { testKafka } from '@quell/testing/kafka';
import { type TestDatabase, testDatabase } from '../src/database/test-database.fixture.ts';

let database: TestDatabase;
const started = new Set<ChildProcess>();
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await database.drop();
});

/** Where the tsconfig.json with the decorators' settings is. */
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs mitigation as a process of its own to its end. */
async function runToItsEnd(): Promise<{ code: number | null; lines: { level: number | string; msg: string }[] }> {
  const child = spawn(
    process.execPath,
    ['--import', '@swc-node/register/esm-register', 'services/mitigation/src/main.ts'],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        DATABASE_URL: database.fresh.url,
        KAFKA_BROKERS: testKafka().brokers.join(','),
        QUELL_LOG_LEVEL: 'error',
      },
    },
  );
  started.add(child);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  started.delete(child);
  return {
    code,
    lines: text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  };
}

/** All partitions: another member of the group may get some of them. */
const setInbox = (clusterId: string, nextOffset: number) =>
  database.pool.query(
    `WITH gone AS (DELETE FROM mitigation.inbox)
     INSERT INTO mitigation.inbox SELECT $1, 'detections.v1', partition, $2 FROM generate_series(0, 7) AS partition`,
    [clusterId, nextOffset],
  );

test("Kafka's data wiped under kept Postgres data: the process refuses to run and names the cure", async () => {
  await setInbox('cluster-before-the-wipe', 3);
  const { code, lines } = await runToItsEnd();
  expect(code).toBe(1);
  expect(lines.at(-1)?.msg).toMatch(/cluster-before-the-wipe.*DELETE FROM mitigation\.inbox/);
}, 180_000);

test('a topic that was made anew under the same broker: the process ends itself and names the cure', async () => {
  const kafka = createKafkaBroker({ brokers: testKafka().brokers, clientId: 'foreign-log-test' });
  await setInbox(await kafka.admin.clusterId(), 1_000_000);
  await kafka.close();
  const { code, lines } = await runToItsEnd();
  expect(code).toBe(1);
  expect(lines.at(-1)?.msg).toMatch(
    /detections\.v1\[\d\] ends at \d+ but messages up to 1000000.*delete this topic's rows/,
  );
}, 180_000);
