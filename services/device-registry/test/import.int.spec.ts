import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { JobDto, JobFailure } from '@quell/contracts/job';
import { eventually } from '@quell/testing/eventually';
import { pruneJobRows } from '../src/device-jobs/prune.ts';
import { type JobsReplica, startReplica } from './jobs-replica.fixture.ts';
import { type RunningRegistry, startRegistry } from './running-registry.fixture.ts';

let registry: RunningRegistry;
let key: string;
let replica: JobsReplica | undefined;
beforeAll(async () => {
  registry = await startRegistry();
  key = await registry.keyWith(['devices:write', 'devices:read']);
});
afterEach(async () => {
  await replica?.stop();
  replica = undefined;
});
afterAll(() => registry.stop());

async function send(text: string | Buffer, parameters = '', headers: Record<string, string> = {}) {
  const response = await fetch(`${registry.service.url}/v1/devices/import${parameters}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv', ...headers },
    body: text,
  });
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is in the test.
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}

const events = async (): Promise<number> =>
  (await registry.db.query('SELECT count(*)::int AS n FROM device_registry.event')).rows[0].n;
const device = (id: string) => registry.call('GET', `/v1/devices/${encodeURIComponent(id)}`);
const job = async (id: string): Promise<JobDto> => (await registry.call('GET', `/v1/devices/jobs/${id}`)).body;
const ended = (id: string) =>
  eventually(
    async () => {
      const now = await job(id);
      return now.finishedAt !== undefined && now;
    },
    { timeoutMs: 45_000 },
  );

test('a file registers devices and changes those that are there, tells what changed, and refuses wrong lines one by one', async () => {
  await send('id,label,group,tags\nA1,old,North,x;y\nA2,same,,\n');
  const file = 'id,label,tags\nA1,new,y;z\nA2,same,\nA3,third,\nA4,bad,"ok"x\n';
  const answer = await send(`${file}A5,"a\nb",\nA3,again,\n`);
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    dryRun: false,
    mode: 'upsert',
    lines: 6,
    created: 2,
    changed: 1,
    unchanged: 1,
    refused: 2,
    fields: {
      label: { changed: 1, examples: [{ line: 2, id: 'A1', before: 'old', after: 'new' }] },
      tags: { changed: 1, examples: [{ line: 2, id: 'A1', before: ['x', 'y'], after: ['y', 'z'] }] },
    },
    errors: [
      { line: 5, detail: expect.stringContaining('quotation mark') },
      { line: 8, id: 'A3', detail: 'line 4 has the id "A3" already' },
    ],
  });
  expect(answer.headers.get('x-quell-position')).toMatch(/^\d+-\d+$/);
  expect((await device('A1')).body).toMatchObject({ label: 'new', group: 'North', tags: ['y', 'z'], version: 3 });
  expect((await device('A5')).body).toMatchObject({ label: 'a\nb' });
  const history = (await registry.call('GET', '/v1/devices/A1/history')).body.items;
  expect(history.map(({ actor }: { actor: string }) => actor)).toEqual(
    history.map(() => expect.stringMatching(/^key:/)),
  );
});

test('the same file again makes no event', async () => {
  const lines = [
    { id: 'R1', model: 'nPP16 D', capabilities: ['relay'], ips: ['2001:DB8::1'], macs: ['00-00-5E-00-53-01'] },
    { id: 'R2', platform: 'linux', group: 'North', hostnames: ['Desk-7'], tags: ['b', 'a'] },
  ];
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  const ndjson = { 'content-type': 'application/x-ndjson' };
  expect((await send(text, '', ndjson)).body).toMatchObject({ created: 2, refused: 0 });
  const before = await events();
  const again = await send(text, '', ndjson);
  expect(again.body).toMatchObject({ lines: 2, created: 0, changed: 0, unchanged: 2, fields: {} });
  expect(await events()).toBe(before);
});

test('a dry run tells exactly what the run then does, and changes nothing', async () => {
  await send('id,label\nY1,old\nY2,old\n');
  const before = await events();
  const file = 'id,label\nY1,new\nY2,old\nY3,third\nY3,again\n,none\n';
  const tried = await send(file, '?dryRun=true');
  expect(await events()).toBe(before);
  const done = await send(file);
  expect(tried.body).toEqual({ ...done.body, dryRun: true });
  expect(done.body).toMatchObject({ created: 1, changed: 1, unchanged: 1, refused: 2 });
});

test('create-only refuses what would change a device that is there', async () => {
  await send('id,label\nC1,old\nC2,old\n');
  const { body } = await send('id,label\nC1,new\nC2,old\nC3,x\n', '?mode=create-only');
  expect(body).toMatchObject({ mode: 'create-only', created: 1, changed: 0, unchanged: 1, refused: 1 });
  expect(body.errors).toEqual([{ line: 2, id: 'C1', detail: expect.stringContaining('such a device already') }]);
  expect((await device('C1')).body.label).toBe('old');
});

test('a retired device comes back by an import', async () => {
  await send('id,label\nB1,x\n');
  expect((await registry.call('DELETE', '/v1/devices/B1')).status).toBeLessThan(300);
  expect((await send('id,label\nB1,y\n')).body).toMatchObject({ created: 1, changed: 0 });
  expect((await device('B1')).body).toMatchObject({ label: 'y' });
});

test('what cannot be read at all is refused with what to do about it', async () => {
  const problem = async (...request: Parameters<typeof send>) => {
    const { status, body } = await send(...request);
    return [status, body.detail];
  };
  expect(await problem('id,colour,size\n')).toEqual([400, expect.stringMatching(/"colour".*"size"/)]);
  expect((await send('id,colour\nU1,red\n', '?unknown=ignore')).body).toMatchObject({ created: 1 });
  expect(await problem('')).toEqual([400, 'The body is empty.']);
  expect(await problem(Buffer.from('id,label\nL1,caf\xe9\n', 'latin1'))).toEqual([400, expect.stringMatching(/UTF-8/)]);
  expect(await problem('{}', '', { 'content-type': 'application/json' })).toEqual([
    415,
    expect.stringMatching(/format=/),
  ]);
  expect(await problem('id\nL1', '?mode=replace')).toEqual([400, expect.any(String)]);
  expect(await problem('id\nL1', '', { 'content-encoding': 'gzip' })).toEqual([415, expect.any(String)]);
  expect((await send('id\nL1', '?format=csv', { 'content-type': 'application/octet-stream' })).body).toMatchObject({
    lines: 1,
  });
});

test('a caller who is still sending gets the refusal, and may go on with the connection', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const answers: [number, boolean][] = [];
  for (const header of ['id,colour', 'id,size']) {
    const sent = request(`${registry.service.url}/v1/devices/import`, {
      method: 'POST',
      agent,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv' },
    });
    sent.write(`${header}\n`);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    answers.push([answer.statusCode!, sent.reusedSocket]);
    expect(JSON.parse((await answer.toArray()).join('')).detail).toContain(header.slice(3));
    sent.end('x'.repeat(1_000_000));
    await once(sent, 'close');
  }
  expect(answers).toEqual([
    [400, false],
    [400, true],
  ]);
  agent.destroy();
});

test('a header with a stray quotation mark is refused as the header', async () => {
  for (const header of ['id,mo"del', 'id,"model', 'id,"model"x']) {
    const { status, body } = await send(`${header}\nQ1,x\n`);
    expect([header, status, body.errors]).toEqual([
      header,
      400,
      [{ pointer: '/header', detail: expect.stringContaining('quotation mark') }],
    ]);
  }
});

test('a header alone is nothing to do, also for a caller who would rather have a job', async () => {
  const { status, body } = await send('id,model\n', '', { prefer: 'respond-async' });
  expect([status, body.lines, body.errors]).toEqual([200, 0, []]);
});

test('a job can be waited for, and says where its changes stand in the log', async () => {
  const answer = await send('id,label\nWAIT1,x\nWAIT2,x\n', '', { prefer: 'respond-async' });
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([202, '1']);
  const path = `/v1/devices/jobs/${answer.body.id}`;
  expect((await registry.call('GET', `${path}?waitSeconds=1`)).body.state).toBe('queued');
  const waiting = registry.call('GET', `${path}?waitSeconds=30`);
  replica = startReplica(registry.database.url);
  const { state, result } = (await waiting).body;
  expect(state).toBe('succeeded');
  const { rows } = await registry.db.query(
    `SELECT txid || '-' || position AS at FROM device_registry.event ORDER BY event.position DESC LIMIT 1`,
  );
  expect(result.position).toBe(rows[0].at);
  expect((await registry.call('GET', `${path}?waitSeconds=31`)).status).toBe(400);
});

test('a line with an id that no path can name is refused', async () => {
  const { body } = await send('id\n.\n..\njobs\n');
  expect(body).toMatchObject({ lines: 3, refused: 3 });
  expect(body.errors.map(({ column }: JobFailure) => column)).toEqual(['id', 'id', 'id']);
  const ndjson = await send('{"id":"jobs"}\n', '?dryRun=true', { 'content-type': 'application/x-ndjson' });
  expect(ndjson.body.errors).toEqual([
    { line: 1, id: 'jobs', pointer: '/id', detail: expect.stringContaining('jobs') },
  ]);
});

test('an unknown parameter is refused by its name', async () => {
  expect((await send('id\nQ1\n', '?dryrun=true')).body.errors).toEqual([
    { pointer: '/dryrun', detail: 'there is no such parameter' },
  ]);
  expect((await registry.call('GET', '/v1/devices/jobs?colour=red')).status).toBe(400);
});

const lineOf = (n: number) => `N${n},nPP16 D,Room ${n}`;

test('a large file becomes a job that survives the death of its replica: every device exactly once', async () => {
  const lines = Array.from({ length: 3_000 }, (_, n) => lineOf(n));
  lines[10] = 'N10,x';
  lines[2_500] = 'N3,again,again';
  const answer = await send(`id,model,label\n${lines.join('\n')}\n`);
  expect(answer.status).toBe(202);
  const { id } = answer.body;
  expect(answer.headers.get('location')).toBe(`/v1/devices/jobs/${id}`);
  expect(answer.body).toMatchObject({ kind: 'device-import', state: 'queued', progress: { done: 0, total: 3_000 } });

  const program = fileURLToPath(new URL('jobs-process.fixture.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', program], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: registry.database.url },
  });
  const first = await eventually(
    async () => {
      const { progress, result } = await job(id);
      return progress.done > 0 && { progress, result };
    },
    { timeoutMs: 45_000, everyMs: 5 },
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(first.result).toMatchObject({ lines: first.progress.done });
  const atTheKill = await job(id);
  expect(atTheKill).toMatchObject({ state: 'running' });
  expect(atTheKill.progress.done).toBeLessThan(3_000);

  replica = startReplica(registry.database.url);
  expect(await ended(id)).toMatchObject({
    state: 'succeeded',
    progress: { done: 3_000, total: 3_000, failed: 2 },
    result: { lines: 3_000, created: 2_998, changed: 0, unchanged: 0, refused: 2 },
  });
  const { rows } = await registry.db.query(
    `SELECT version, count(*)::int AS n FROM device_registry.device WHERE id LIKE 'N%' GROUP BY version`,
  );
  expect(rows).toEqual([{ version: 1, n: 2_998 }]);
  const errors = (await registry.call('GET', `/v1/devices/jobs/${id}/errors`)).body;
  expect(errors).toEqual({
    items: [
      { line: 12, detail: 'has 2 cells where the header has 3' },
      { line: 2_502, id: 'N3', detail: 'line 5 has the id "N3" already' },
    ],
  });

  while ((await pruneJobRows(registry.db)) > 0);
  const left = await registry.db.query(
    'SELECT FROM device_registry.import_chunk UNION ALL SELECT FROM device_registry.import_line',
  );
  expect(left.rowCount).toBe(0);

  const before = await events();
  const again = await send(`id,model,label\n${lines.join('\n')}\n`);
  expect((await ended(again.body.id)).result).toMatchObject({ unchanged: 2_998, created: 0, changed: 0, refused: 2 });
  expect(await events()).toBe(before);
});

test('imports of the same devices at once on several replicas all end, and the last word on each device is one of theirs', async () => {
  const files = ['one', 'two', 'three'].map((label) =>
    Array.from({ length: 1_200 }, (_, n) => `S${n},${label}`).join('\n'),
  );
  const made = await Promise.all(files.map((file) => send(`id,label\n${file}\n`)));
  replica = startReplica(registry.database.url);
  const other = startReplica(registry.database.url);
  const results = await Promise.all(made.map(({ body }) => ended(body.id)));
  await other.stop();
  for (const { state, result } of results) {
    expect(state).toBe('succeeded');
    const { created, changed, unchanged } = result as Record<string, number>;
    expect(created! + changed! + unchanged!).toBe(1_200);
  }
  const total = (field: string) => results.reduce((sum, { result }) => sum + Number(result?.[field]), 0);
  const { rows } = await registry.db.query(
    `SELECT count(*)::int AS n, sum(version)::int AS events FROM device_registry.device WHERE id LIKE 'S%'`,
  );
  expect(rows).toEqual([{ n: 1_200, events: total('created') + total('changed') }]);
});

test('a transaction of a job that would keep others waiting ends after a second, and its chunk is tried again', async () => {
  await send('id,label\nW1,old\n');
  const holder = await registry.db.connect();
  await holder.query('BEGIN');
  await holder.query(
    `SELECT FROM device_registry.stream WHERE stream_id = (SELECT stream_id FROM device_registry.device WHERE id = 'W1') FOR UPDATE`,
  );
  const { body } = await send('id,label\nW1,new\nW2,new\n', '', { prefer: 'respond-async' });
  replica = startReplica(registry.database.url);
  const waiting = async (): Promise<number | undefined> =>
    (
      await registry.db.query(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pg_blocking_pids(pid) <> '{}'`,
      )
    ).rows[0]?.pid;
  const first = await eventually(waiting);
  await eventually(async () => {
    const now = await waiting();
    return now !== undefined && now !== first;
  });
  await holder.query('ROLLBACK');
  holder.release();
  expect((await ended(body.id)).result).toMatchObject({ created: 1, changed: 1, refused: 0 });
  expect((await device('W1')).body).toMatchObject({ label: 'new', version: 2 });
});

test('a small import may be asked for as a job, which lists, and can be cancelled', async () => {
  const answer = await send('id,label\nP1,x\n', '', { prefer: 'respond-async, wait=10' });
  expect(answer.status).toBe(202);
  const { id } = answer.body;
  const listed = (await registry.call('GET', '/v1/devices/jobs?kind=device-import&state=queued')).body.items;
  expect(listed.map((one: JobDto) => one.id)).toEqual([id]);
  expect((await registry.call('POST', `/v1/devices/jobs/${id}/cancel`)).body).toMatchObject({ state: 'cancelled' });
  expect((await device('P1')).status).toBe(404);
  const unknown = '/v1/devices/jobs/00000000-0000-7000-8000-000000000000';
  for (const [method, path] of [
    ['GET', unknown],
    ['GET', `${unknown}/errors`],
    ['POST', `${unknown}/cancel`],
  ] as const) {
    expect((await registry.call(method, path)).status).toBe(404);
  }
});

test('an upload that breaks off leaves no job behind, and nothing that is kept', async () => {
  const jobs = async () => (await registry.call('GET', '/v1/devices/jobs')).body.items.length;
  const chunks = async () => (await registry.db.query('SELECT FROM device_registry.import_chunk')).rowCount;
  const before = [await jobs(), await chunks()];
  const sent = request(`${registry.service.url}/v1/devices/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv' },
  });
  sent.on('error', () => {});
  sent.write(`id,model,label\n${Array.from({ length: 5_000 }, (_, n) => lineOf(n)).join('\n')}\n`);
  await eventually(async () => ((await chunks()) ?? 0) > before[1]!);
  sent.destroy();
  await eventually(async () => (await chunks()) === before[1]);
  expect(await jobs()).toBe(before[0]);
});

test('what a refused line held does not keep its refusal from being stored', async () => {
  const hostile = [{ id: 'H1\0' }, { id: 'H2', label: '\ud800' }, { id: 'H3', ips: [7] }];
  const headers = { 'content-type': 'application/x-ndjson', prefer: 'respond-async' };
  const { body } = await send(`${hostile.map((line) => JSON.stringify(line)).join('\n')}\n\0\n`, '', headers);
  replica = startReplica(registry.database.url);
  expect(await ended(body.id)).toMatchObject({ state: 'succeeded', result: { refused: 4 } });
  const { items } = (await registry.call('GET', `/v1/devices/jobs/${body.id}/errors`)).body;
  expect(items.map(({ line }: JobFailure) => line)).toEqual([1, 2, 3, 4]);
});
