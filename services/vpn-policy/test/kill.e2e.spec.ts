import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { newApiKey } from '@quell/service-kit/api-key';
import { testKafka } from '@quell/testing/kafka';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import pg from 'pg';

/** Where the tsconfig.json with the decorators' settings is. */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const key = newApiKey();

let database: FreshDatabase;
let db: pg.Pool;
let child: ChildProcess | undefined;

beforeAll(async () => {
  database = await freshDatabase();
  db = new pg.Pool({ connectionString: database.url, max: 2 });
  db.on('error', () => {});
  // The part of ingest's schema that judging an API key needs.
  await db.query(`CREATE SCHEMA auth; CREATE TABLE auth.api_key (id uuid, name text, hash bytea, scopes text[], expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz)`);
  const values = [randomUUID(), 'test', key.hash, ['admin']];
  await db.query('INSERT INTO auth.api_key (id, name, hash, scopes) VALUES ($1, $2, $3, $4)', values);
});
afterAll(async () => {
  child?.kill('SIGKILL');
  await db.end();
  await database.drop();
});

/** The service as a process of its own; resolves with its URL once it listens. */
async function startProcess(): Promise<string> {
  child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', 'services/vpn-policy/src/main.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      PORT: '0',
      DATABASE_URL: database.url,
      KAFKA_BROKERS: testKafka().brokers.join(','),
      QUELL_LOG_LEVEL: 'error',
    },
  });
  for await (const line of createInterface({ input: child.stdout! })) {
    const { msg, url } = JSON.parse(line) as { msg: string; url?: string };
    if (msg === 'listening' && url !== undefined) return url;
  }
  throw new Error('the service ended while starting');
}

async function call(url: string, path: string, body: object) {
  const response = await fetch(`${url}/v1/vpn${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key.secret}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as { id: string };
}

test('a process that is killed has every decision in the log that anybody was told', async () => {
  const url = await startProcess();
  const payload = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] };
  const reason = 'as agreed';
  const policy = await call(url, '/policies', { name: 'x', body: { dialect: 'apple-mdm', payload }, reason });
  await call(url, `/policies/${policy.id}/publish`, { reason });

  const told: string[] = [];
  const context = { network: { interface: 'WiFi', ssid: 'Cafe', primaryIsVirtual: false } };
  const asking = Array.from({ length: 16 }, async (_, n) => {
    for (;;) {
      const answer = await call(url, `/policies/${policy.id}/evaluate`, { deviceId: `D-${n}`, context });
      told.push(answer.id);
      if (told.length === 300) child!.kill('SIGKILL');
    }
  });
  const ended = await Promise.allSettled(asking);
  expect(ended.map(({ status }) => status)).toEqual(Array(16).fill('rejected'));
  if (child!.exitCode === null && child!.signalCode === null) await once(child!, 'close');

  const { rows } = await db.query('SELECT id FROM vpn_policy.decision');
  const written = new Set(rows.map(({ id }) => id));
  expect(told.length).toBeGreaterThanOrEqual(300);
  expect(told.filter((id) => !written.has(id))).toEqual([]);
}, 180_000);
