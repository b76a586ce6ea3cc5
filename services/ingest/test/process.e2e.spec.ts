import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LocalKafka, startKafka } from '@quell/local/kafka';
import { eventually } from '@quell/testing/eventually';
import { freshDatabase } from '@quell/testing/postgres';
import { adminKey } from './stack.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

let dataDir: string;
let kafka: LocalKafka;
let database: { url: string; drop(): Promise<void> };
const children: ChildProcess[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'quell-ingest-'));
  kafka = await startKafka({ dataDir });
  database = await freshDatabase();
}, 300_000);
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await kafka?.stop();
  await database?.drop();
  await rm(dataDir, { recursive: true, force: true });
});

function start(environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', main], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: database.url,
      KAFKA_BROKERS: kafka.brokers,
      QUELL_ADMIN_KEY: adminKey,
      QUELL_PUBLISH_TIMEOUT_SECONDS: '1',
      ...environment,
    },
  });
  children.push(child);
  let output = '';
  child.stdout.on('data', (part) => {
    output += part;
  });
  const lines = () => output.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  return {
    child,
    lines,
    exited: once(child, 'exit').then(([code]) => code as number | null),
    url: () =>
      eventually(() => lines().find(({ msg }) => msg === 'listening')?.url as string | undefined, {
        timeoutMs: 120_000,
      }),
  };
}

test('bad configuration ends it with 78 and one line that names the variables', async () => {
  const ingest = start({ DATABASE_URL: '', KAFKA_BROKERS: 'nonsense' });
  expect(await ingest.exited).toBe(78);
  expect(ingest.lines()).toHaveLength(1);
  expect(ingest.lines()[0].msg).toMatch(/DATABASE_URL is not set; KAFKA_BROKERS: must be host:port/);
}, 300_000);

test('under a launcher the end of stdin ends it in order; otherwise stdin does not matter, and SIGTERM does', async () => {
  const launched = start({ QUELL_PARENT_PIPE: '1' });
  const alone = start();
  await Promise.all([launched.url(), alone.url()]);
  launched.child.stdin?.end();
  alone.child.stdin?.end();
  expect(await launched.exited).toBe(0);
  expect(launched.lines().at(-1).msg).toBe('stopped');
  expect((await fetch(`${await alone.url()}/livez`)).status).toBe(200);
  alone.child.kill('SIGTERM');
  expect(await alone.exited).toBe(0);
}, 300_000);

test('while Kafka is away the caller is told to come again, and after its return everything is as before', async () => {
  const ingest = start();
  const url = await ingest.url();
  const post = (sourceId: string) =>
    fetch(`${url}/v1/detections`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        source: 'edr',
        sourceId,
        detectedAt: '2026-01-01T00:00:00Z',
        severity: 4,
        endpoint: { hostname: 'desk-7' },
        threat: { name: 'EICAR' },
      }),
    });
  expect((await post('1')).status).toBe(202);
  const port = Number(kafka.brokers.split(':')[1]);
  await kafka.stop();

  const away = await post('2');
  expect([away.status, away.headers.get('retry-after')]).toEqual([503, '2']);
  expect(await away.json()).toMatchObject({ type: 'urn:quell:problem:unavailable', detail: /repeats have no effect/ });
  await eventually(async () => (await fetch(`${url}/readyz`)).status === 503, { timeoutMs: 60_000 });
  expect((await fetch(`${url}/livez`)).status).toBe(200);

  kafka = await startKafka({ dataDir, port });
  await eventually(async () => (await post('2')).status === 202, { timeoutMs: 60_000 });
  await eventually(async () => (await fetch(`${url}/readyz`)).status === 200, { timeoutMs: 60_000 });
  ingest.child.kill('SIGTERM');
  expect(await ingest.exited).toBe(0);
}, 300_000);
