import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@quell/testing/eventually';
import { quell } from '../src/catalogue.ts';
import { randomSecret } from '../src/data-dir.ts';
import { type AgentProcess, startAgent } from '../src/demo/demo-agent.ts';
import { EICAR } from '../src/demo/eicar.ts';
import { QuellApi } from '../src/demo/quell-api.ts';
import { startKafka } from '../src/kafka.ts';
import type { Part } from '../src/part.ts';
import { startPostgres } from '../src/postgres.ts';
import { provision, type RolePasswords } from '../src/provision.ts';
import { logins } from '../src/role-names.ts';
import { backendEnv, gatewayEnv } from '../src/service-env.ts';
import { type RunningService, startService } from '../src/service-process.ts';
import { readSettings } from '../src/settings.ts';

const hostname = 'replica-ground';
const adminKey = randomSecret();
const passwords = Object.fromEntries(logins.map((login) => [login, `p of ${login}`])) as RolePasswords;
const patience = { timeoutMs: 180_000, everyMs: 100 };
const started: Pick<Part, 'stop'>[] = [];
const replicas: RunningService[] = [];
let dir: string;
let gateway: RunningService;
let agent: AgentProcess;

beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'quell-replicas-')));
  for (const folder of ['files', 'logs']) await mkdir(join(dir, folder));
  const kafka = await startKafka({ dataDir: join(dir, 'kafka') });
  started.push(kafka);
  const postgres = await startPostgres({ dataDir: join(dir, 'postgres') });
  started.push(postgres);
  const database = await provision(postgres.url, passwords);
  const env = {
    ...process.env,
    QUELL_LEASE_SECONDS: '3',
    QUELL_POLL_HOLD_SECONDS: '5',
    QUELL_POLL_PAUSE_SECONDS: '0.2',
  };
  const backend = async (name: string, log: string) => {
    const program = quell.backends.find((known) => known.name === name);
    if (!program) throw new Error(`no service ${name}`);
    const own = backendEnv(env, program, database, kafka.brokers, adminKey);
    const service = await startService({ ...program, name: log, env: own }, join(dir, 'logs'), never);
    started.push(service);
    return service;
  };
  const ingest = await backend('ingest', 'ingest');
  replicas.push(...(await Promise.all([backend('mitigation', 'mitigation-1'), backend('mitigation', 'mitigation-2')])));
  const mitigation = { url: replicas.map(({ url }) => url).join(','), name: 'mitigation' } as RunningService;
  const gatewayOwn = gatewayEnv(env, readSettings({ QUELL_PORT: '0', QUELL_DATA_DIR: dir }), [ingest, mitigation]);
  gateway = await startService({ ...quell.gateway, env: gatewayOwn }, join(dir, 'logs'), never);
  started.push(gateway);
}, 400_000);

afterAll(async () => {
  await agent?.stop('SIGKILL');
  for (const part of started.reverse()) await part.stop();
  await rm(dir, { recursive: true, force: true });
}, 120_000);

const never = new AbortController().signal;

test('one of two mitigation replicas is killed -9: the API answers and the agent works on, through the same gateway', async () => {
  const api = new QuellApi(gateway.url, adminKey);
  const token = await eventually(() => api.enrolmentToken(), patience);
  agent = startAgent([
    ...['--url', gateway.url, '--token', token, '--root', join(dir, 'files'), '--state', join(dir, 'agent')],
    ...['--hostname', hostname, '--wait', '5', '--retry-cap', '2'],
  ]);
  await eventually(async () => (await api.agents()).length === 1, patience);
  await resolved(api, 'before');

  const [, killed] = replicas;
  process.kill(killed?.pid ?? 0, 'SIGKILL');
  await killed?.ended;
  // What was on its way to it may fail; then each call goes to the one that is left.
  await eventually(async () => {
    for (let calls = 0; calls < 20; calls += 1) await api.tasks();
    return true;
  }, patience);
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
  await resolved(api, 'after');
}, 600_000);

/** A detection of this name becomes a task, and the agent finishes it. */
async function resolved(api: QuellApi, name: string): Promise<void> {
  const path = join(dir, 'files', `${name}.com`);
  await writeFile(path, EICAR);
  const { detectionIds } = await api.detect({
    source: 'replicas',
    sourceId: name,
    detectedAt: new Date().toISOString(),
    severity: 4,
    endpoint: { hostname },
    threat: { name: 'EICAR', kind: 'file', path },
  });
  const taskId = await eventually(async () => (await api.detection(detectionIds[0] ?? ''))?.taskId, patience);
  await eventually(async () => {
    const { status } = await api.task(taskId ?? '');
    if (status.code !== 'all-threats-resolved') throw new Error(`the task is ${status.code}`);
    return true;
  }, patience);
}
