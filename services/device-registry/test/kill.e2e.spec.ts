import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { topics } from '@quell/contracts/topics';
import type { Broker, BrokerMessage } from '@quell/messaging/broker';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { newApiKey } from '@quell/service-kit/api-key';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import pg from 'pg';
import { agentRecordOf } from '../src/agents/agents.fixture.ts';

/** Where the tsconfig.json with the decorators' settings is. */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const key = newApiKey();
const run = randomUUID();

let database: FreshDatabase;
let db: pg.Pool;
let kafka: Broker;
let child: ChildProcess | undefined;

beforeAll(async () => {
  database = await freshDatabase();
  db = new pg.Pool({ connectionString: database.url, max: 2 });
  db.on('error', () => {});
  kafka = createKafkaBroker({ brokers: testKafka().brokers, clientId: 'device-registry-kill-test' });
  // The part of ingest's schema that judging an API key needs.
  await db.query(`CREATE SCHEMA auth; CREATE TABLE auth.api_key (id uuid, name text, hash bytea, scopes text[], expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz)`);
  const values = [randomUUID(), 'test', key.hash, ['devices:read', 'devices:write']];
  await db.query('INSERT INTO auth.api_key (id, name, hash, scopes) VALUES ($1, $2, $3, $4)', values);
});
afterAll(async () => {
  child?.kill('SIGKILL');
  await kafka.close();
  await db.end();
  await database.drop();
});

/** The registry as a process of its own; resolves with its URL once it listens. */
async function startProcess(): Promise<string> {
  child = spawn(
    process.execPath,
    ['--import', '@swc-node/register/esm-register', 'services/device-registry/src/main.ts'],
    {
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
    },
  );
  for await (const line of createInterface({ input: child.stdout! })) {
    const { msg, url } = JSON.parse(line) as { msg: string; url?: string };
    if (msg === 'listening' && url !== undefined) return url;
  }
  throw new Error('the registry ended while starting');
}

async function kill(): Promise<void> {
  child?.kill('SIGKILL');
  await once(child!, 'close');
}

async function call(url: string, method: string, path: string, body?: object) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key.secret}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as { version: number; label: string } };
}

test('killed at any moment the registry keeps every write that it answered, tells the topic of each device, and doubles no agent’s', async () => {
  /** By device: the label of its last answered write. */
  const answered = new Map<string, string>();
  const agents = Array.from({ length: 10 }, () => agentRecordOf({ hostname: `kill-${randomUUID()}` }));
  const records = new Map<string, BrokerMessage>();
  await kafka.admin.ensureTopics([topics.devices, topics.agents].map((name) => ({ name, partitions: 8 })));
  const reader = await kafka.consume({
    group: `kill-reader-${run}`,
    topics: [topics.devices],
    pollSeconds: 0.05,
    handle: async ({ messages }) => {
      for (const message of messages) records.set(message.key!, message);
      return { nextOffset: messages.at(-1)!.offset + 1n };
    },
  });

  for (let round = 0; round < 2; round++) {
    const url = await startProcess();
    const version = round + 1;
    await kafka.publish(
      topics.agents,
      agents.map((agent) => ({ key: agent.agentId, value: JSON.stringify({ ...agent, version }) })),
    );
    let writes = 0;
    const alive = new AbortController();
    const writer = async (number: number) => {
      for (let index = 0; !alive.signal.aborted; index++) {
        const id = `${run}-${round}-${number}-${index >> 1}`;
        const label = `write ${index}`;
        const { status } =
          index % 2 === 0
            ? await call(url, 'POST', '/v1/devices', { id, label })
            : await call(url, 'PATCH', `/v1/devices/${id}`, { label });
        expect([200, 201]).toContain(status);
        answered.set(id, label);
        writes++;
      }
    };
    // The kill ends each of them with a broken connection.
    const writers = [0, 1, 2].map((number) => writer(number).catch((error: Error) => error));
    await eventually(() => writes > 40, { timeoutMs: 120_000, everyMs: 5 });
    await kill();
    alive.abort();
    for (const failure of await Promise.all(writers)) if (failure) expect(failure.name).toBe('TypeError');
  }

  const url = await startProcess();
  for (const [id, label] of answered) {
    const { status, body } = await call(url, 'GET', `/v1/devices/${id}`);
    expect([id, status]).toEqual([id, 200]);
    // The write that was cut off may be there as well.
    expect(Number(body.label.slice(6))).toBeGreaterThanOrEqual(Number(label.slice(6)));
  }
  await eventually(
    async () => {
      const { rows } = await db.query<{ id: string; version: number }>(
        'SELECT id, version FROM device_registry.device',
      );
      const behind = rows.filter(({ id, version }) => Number(records.get(id)?.headers.ce_streamversion) !== version);
      expect(behind).toEqual([]);
      return rows.length > answered.size;
    },
    { timeoutMs: 120_000 },
  );
  await eventually(
    async () => {
      const { rows } = await db.query(
        'SELECT id, version FROM device_registry.device WHERE hostnames && $1::text[] ORDER BY id',
        [agents.map(({ hostname }) => hostname)],
      );
      expect(rows).toEqual(
        agents.map(({ endpointId }) => ({ id: endpointId, version: 2 })).sort((a, b) => (a.id < b.id ? -1 : 1)),
      );
      return true;
    },
    { timeoutMs: 120_000 },
  );
  await reader.stop();
  await kill();
}, 400_000);
