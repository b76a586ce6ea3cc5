/** `npm run demo`: walks one detection through a running stack and tells what happens. */
import { access, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startAgent } from './demo/demo-agent.ts';
import { EICAR } from './demo/eicar.ts';
import { QuellApi } from './demo/quell-api.ts';

const usage = `npm run demo -- [--url URL] [--key KEY]

Walks one detection through a running Quell: enrols an agent on a folder of its own, puts the harmless EICAR test file there,
reports it, waits until the agent has quarantined it, rolls that back, and cleans up after itself.

  --url   base URL (default: http://127.0.0.1:$QUELL_PORT, port 8080)
  --key   administrator's API key (default: $QUELL_ADMIN_KEY, else $QUELL_DATA_DIR/admin.key, data dir ./.quell)`;

const { values } = parseArgs({
  options: { url: { type: 'string' }, key: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
});
if (values.help) {
  console.log(usage);
} else {
  try {
    await walk();
  } catch (error) {
    console.error(`The demo stopped: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}

async function walk(): Promise<void> {
  const api = await connect();
  // Folders of the temporary directory may be reached through a link, and the agent follows none.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'quell-demo-')));
  const file = join(folder, 'files', 'invoice.com');
  const hostname = `demo-${folder.slice(-6).toLowerCase()}`;
  let agent: ReturnType<typeof startAgent> | undefined;
  try {
    await prepare(folder, file);
    say(`1. A folder with the harmless EICAR test file: ${file}`);
    const token = await api.enrolmentToken();
    agent = startAgent([
      ...['--url', api.url, '--token', token, '--root', join(folder, 'files')],
      ...['--state', join(folder, 'agent'), '--hostname', hostname],
    ]);
    const started = agent;
    await until('the agent to enrol', async () => {
      if (await ended(started)) throw new Error(`the agent ended: ${started.output()}`);
      return (await api.agents()).find((known) => known.hostname === hostname);
    });
    say(`2. An agent enrolled as the endpoint ${hostname}`);
    const answer = await api.detect({
      source: 'demo',
      sourceId: hostname,
      detectedAt: new Date().toISOString(),
      severity: 4,
      endpoint: { hostname },
      threat: { name: 'EICAR test file', kind: 'file', path: file },
    });
    const detectionId = answer.detectionIds[0] ?? '';
    say(`3. Detection ${detectionId} was accepted: Kafka has it`);
    const { taskId } = await until('the task', async () => {
      const found = await api.detection(detectionId);
      return found?.taskId === undefined ? undefined : { taskId: found.taskId };
    });
    say(`4. Task ${taskId} works on it: "${(await api.task(taskId)).status.label}"`);
    await until('the agent to finish', async () => (await api.task(taskId)).status.code !== 'mitigation-in-progress');
    const done = await api.task(taskId);
    say(`5. "${done.status.label}". ${done.description}`);
    say(
      `   The file is ${(await exists(file)) ? 'still there' : 'gone from its place: it lies encrypted in the quarantine'}`,
    );
    await api.rollback(taskId);
    await until('the rollback', async () => (await api.task(taskId)).status.code !== 'mitigation-in-progress');
    const back = await api.task(taskId);
    const same = (await exists(file)) && (await readFile(file, 'utf8')) === EICAR;
    say(`6. Rolled back: "${back.status.label}"; the file is ${same ? 'back, byte for byte' : 'NOT back'}`);
    const history = await api.history(taskId);
    say(`7. Its history: ${history.items.map(({ type }) => type).join(' → ')}`);
    say(`   See it again: curl -H "Authorization: Bearer $KEY" ${api.url}/v1/tasks/${taskId}`);
    if (done.status.code !== 'all-threats-resolved' || back.status.code !== 'rollback-successful' || !same) {
      throw new Error('that is not what should have happened');
    }
  } finally {
    await agent?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function connect(): Promise<QuellApi> {
  const url = values.url ?? `http://127.0.0.1:${process.env.QUELL_PORT || '8080'}`;
  const keyFile = join(process.env.QUELL_DATA_DIR || '.quell', 'admin.key');
  const key = values.key ?? process.env.QUELL_ADMIN_KEY ?? (await readFile(keyFile, 'utf8').catch(() => '')).trim();
  const ready = await fetch(`${url}/readyz`).catch(() => undefined);
  if (ready?.status !== 200)
    throw new Error(`nothing is ready at ${url}: start Quell with \`npm start\` in another terminal`);
  if (key === '') throw new Error(`no API key: ${keyFile} is not there; name the key with --key or QUELL_ADMIN_KEY`);
  return new QuellApi(url, key);
}

async function prepare(folder: string, file: string): Promise<void> {
  await mkdir(join(folder, 'files'));
  await writeFile(file, EICAR);
}

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await delay(100)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`waited a minute for ${what}`);
}

async function ended(agent: { readonly ended: Promise<unknown> }): Promise<boolean> {
  return Promise.race([agent.ended.then(() => true), Promise.resolve(false)]);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function say(line: string): void {
  console.log(line);
}
