import { chmod, link, lstat, readdir, readFile, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { runPayload } from '@quell/contracts/run-payload';
import type { RunResult } from '@quell/contracts/run-result';
import type { RunMode, TaskKind } from '@quell/contracts/vocabulary';
import { eventually } from '@quell/testing/eventually';
import type { z } from 'zod';
import { runAgent } from '../src/service/agent.ts';
import { readOptions } from '../src/settings/command-line.ts';
import { EICAR, EICAR_SHA256, Playground, sha256Of } from './fixtures.ts';
import { ProtocolServer, type ServerTask } from './protocol-server.ts';

type Payload = z.input<typeof runPayload>;

let place: Playground;
let server: ProtocolServer;

beforeEach(async () => {
  place = await Playground.make();
  server = new ProtocolServer();
  await server.listen();
});

afterEach(async () => {
  await server.close();
  await place.dispose();
  expect(server.violations).toEqual([]);
});

interface Settings {
  readonly hashes?: string[];
  readonly patterns?: string[];
  readonly choose?: string;
}

const raw = (settings: Settings = {}) => ({
  ...{ url: server.url, token: server.token, root: [place.root], state: place.state, once: true },
  ...{ wait: '5', retryBase: '0.05', retryCap: '0.2', ...settings },
});

/** Hands one run to an agent that does what is waiting and ends, and returns its result. */
async function resultOf(task: ServerTask, settings?: Settings): Promise<RunResult> {
  const before = task.results.length;
  const said: string[] = [];
  await runAgent(
    readOptions(raw(settings), (line) => said.push(line)),
    new AbortController().signal,
  );
  const result = task.results[before]?.result;
  if (result === undefined) throw new Error(`no result; the agent said:\n${said.join('\n')}`);
  return result;
}

async function run(mode: RunMode, payload: Payload = {}, kind?: TaskKind, settings?: Settings): Promise<RunResult> {
  return resultOf(server.open(mode, payload, kind), settings);
}

const target = (path: string, sha256?: string) => ({
  targets: [{ id: 't1', kind: 'file' as const, path, ...(sha256 === undefined ? {} : { sha256 }) }],
});

test('an assessment reports the file as found and leaves it where it is', async () => {
  const path = await place.put('root/a/eicar.com', EICAR);
  const result = await run('assess', target(path, EICAR_SHA256));
  expect(result).toMatchObject({
    outcome: 'assessed',
    threats: [{ id: 't1', outcome: 'found', path, sha256: EICAR_SHA256 }],
  });
  expect(await readFile(path, 'utf8')).toBe(EICAR);
});

test('a mitigation quarantines the file: gone from its place, sealed and unreadable in the state folder', async () => {
  const path = await place.put('root/a/eicar.com', EICAR);
  const result = await run('mitigate', target(path, EICAR_SHA256));
  expect(result).toMatchObject({ outcome: 'finished', threats: [{ id: 't1', outcome: 'resolved' }] });
  expect(result.backups).toMatchObject([{ threatId: 't1', kind: 'file', path }]);
  expect(await place.copiesOf(EICAR_SHA256)).toEqual([]);
  const quarantine = join(place.state, 'quarantine');
  expect((await stat(quarantine)).mode & 0o777).toBe(0o700);
  for (const name of await readdir(quarantine)) {
    expect((await stat(join(quarantine, name))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(quarantine, name))).not.toContain('EICAR');
  }
});

test('a rollback puts the file back with content, mode and times, and the vault lets go of it', async () => {
  const path = await place.put('root/a/eicar.com', EICAR);
  await chmod(path, 0o741);
  const before = await stat(path);
  const task = server.open('mitigate', target(path));
  const { backups = [] } = await resultOf(task);
  server.reopen(task, 'rollback', { items: backups });
  expect(await resultOf(task)).toMatchObject({
    outcome: 'rolled-back',
    items: [{ id: backups[0]?.id, restored: true }],
  });
  const after = await stat(path);
  expect([after.mode, Math.round(after.mtimeMs)]).toEqual([before.mode, Math.round(before.mtimeMs)]);
  expect(await place.copiesOf(EICAR_SHA256)).toEqual([path]);
  expect((await readdir(join(place.state, 'quarantine'))).filter((name) => name.endsWith('.sealed'))).toEqual([]);
});

test('what a rollback cannot put back is said with its reason: missing, corrupted, occupied', async () => {
  const paths = await Promise.all(['one', 'two', 'three'].map((name) => place.put(`root/${name}`, EICAR)));
  const task = server.open('mitigate', { targets: paths.map((path) => ({ id: path, kind: 'file' as const, path })) });
  const { backups = [] } = await resultOf(task);
  const sealed = (index: number) => join(place.state, 'quarantine', `${backups[index]?.id}.sealed`);
  await unlink(sealed(0));
  const damaged = await readFile(sealed(1));
  damaged[30] = (damaged[30] ?? 0) ^ 1;
  await writeFile(sealed(1), damaged);
  await writeFile(paths[2] ?? '', 'something of the user');
  server.reopen(task, 'rollback', { items: backups });
  const { outcome, items = [] } = await resultOf(task);
  expect(outcome).toBe('rollback-failed');
  expect(items.map(({ restored, reason, detail }) => [restored, reason, detail?.split(':')[0]])).toEqual([
    [false, 'backup-missing', undefined],
    [false, 'backup-corrupted', expect.stringContaining('does not authenticate')],
    [false, 'other', 'path-occupied'],
  ]);
  expect(await readFile(paths[2] ?? '', 'utf8')).toBe('something of the user');
});

test('a file that is not there is gone; one that other security software took is said to be so', async () => {
  const missing = join(place.root, 'nowhere/gone.exe');
  expect((await run('mitigate', target(missing))).threats).toMatchObject([{ id: 't1', outcome: 'gone' }]);
  await place.put('root/taken.exe.quarantined-by-OfficeScan', '');
  expect((await run('mitigate', target(join(place.root, 'taken.exe')))).threats).toMatchObject([
    { outcome: 'handled-by-security-software', by: 'OfficeScan', action: 'quarantined' },
  ]);
});

test('a file that is there but holds nothing known is confirmed safe and stays', async () => {
  const path = await place.put('root/tool.exe', 'harmless');
  expect((await run('mitigate', target(path))).threats).toMatchObject([{ outcome: 'confirmed-safe' }]);
  expect((await run('mitigate', target(path, EICAR_SHA256))).threats).toMatchObject([{ outcome: 'confirmed-safe' }]);
  expect((await run('mitigate', target(path, sha256Of('harmless')))).threats).toMatchObject([{ outcome: 'resolved' }]);
});

test('a target named by its digest alone is found wherever it lies, and is gone when nowhere', async () => {
  const paths = [await place.put('root/x/1.bin', 'payload'), await place.put('root/y/2.bin', 'payload')];
  const byDigest = { targets: [{ id: 'd', kind: 'file' as const, sha256: sha256Of('payload') }] };
  const result = await run('mitigate', byDigest);
  expect(result.threats).toMatchObject([{ id: 'd', outcome: 'resolved' }]);
  expect(result.backups?.map(({ path }) => path)).toEqual(paths);
  expect((await run('mitigate', byDigest)).threats).toMatchObject([{ id: 'd', outcome: 'gone' }]);
});

test('targets outside the roots fail as outside-root and nothing there is touched', async () => {
  const outside = await place.put('outside/eicar.com', EICAR);
  await symlink(place.outside, join(place.root, 'link'));
  await symlink(outside, join(place.root, 'file-link'));
  const paths = [
    outside,
    join(place.root, '../outside/eicar.com'),
    join(place.root, 'link/eicar.com'),
    join(place.root, 'file-link'),
  ];
  const { threats } = await run('mitigate', {
    targets: paths.map((path, index) => ({ id: `${index}`, kind: 'file' as const, path })),
  });
  expect(threats?.map(({ outcome, error }) => [outcome, error])).toEqual(paths.map(() => ['failed', 'outside-root']));
  expect(await readFile(outside, 'utf8')).toBe(EICAR);
});

test('without targets the roots are scanned; nothing found is finished with no threats', async () => {
  await place.put('root/clean.txt', 'nothing');
  const nothing = await run('mitigate');
  expect(nothing).toMatchObject({ outcome: 'finished', threats: [] });
  const path = await place.put('root/deep/er/eicar.txt', `${EICAR}\r\n`);
  expect(await run('mitigate')).toMatchObject({ threats: [{ outcome: 'resolved', path, name: 'EICAR-Test-File' }] });
});

test('a scan finds by hash list, byte pattern and the EICAR string, each file its own threat, and no link leads it out', async () => {
  const hashes = await place.put('hashes.txt', `${sha256Of('by hash')} Known.Hash\n`);
  const patterns = await place.put('patterns.txt', 'Byte.Mark: DE AD BE EF 00 01\n');
  // The mark straddles the boundary between two chunks of the reader.
  const big = Buffer.alloc(600_000, 0x20);
  Buffer.from('deadbeef0001', 'hex').copy(big, 256 * 1024 - 3);
  await place.put('root/1/hash.bin', 'by hash');
  await place.put('root/2/pattern.bin', big);
  await place.put('root/3/eicar.com', EICAR);
  await place.put('root/4/eicar.com', EICAR);
  await place.put('root/5/quotes.txt', `${EICAR}${'.'.repeat(100)}`);
  await place.put('outside/eicar.com', EICAR);
  await symlink(place.outside, join(place.root, '6'));
  const result = await run('scan', {}, 'on-demand-scan', { hashes: [hashes], patterns: [patterns] });
  const names = result.threats?.map(({ name, path, outcome }) => [name, path?.slice(place.root.length), outcome]);
  expect(names).toEqual([
    ['Known.Hash', '/1/hash.bin', 'resolved'],
    ['Byte.Mark', '/2/pattern.bin', 'resolved'],
    ['EICAR-Test-File', '/3/eicar.com', 'resolved'],
    ['EICAR-Test-File', '/4/eicar.com', 'resolved'],
  ]);
  expect(new Set(result.threats?.map(({ id }) => id)).size).toBe(4);
  expect(await place.copiesOf(EICAR_SHA256)).toEqual([join(place.outside, 'eicar.com')]);
  expect(await readdir(join(place.root, '5'))).toEqual(['quotes.txt']);
});

test('a scan of named folders stays in them and says which one is outside the roots', async () => {
  await place.put('root/in/eicar.com', EICAR);
  const kept = await place.put('root/out/eicar.com', EICAR);
  const result = await run('scan', { paths: [join(place.root, 'in'), place.outside] }, 'on-demand-scan');
  expect(result.threats).toMatchObject([
    { outcome: 'resolved', path: join(place.root, 'in/eicar.com') },
    { outcome: 'failed', path: place.outside, error: 'outside-root' },
  ]);
  expect(await readFile(kept, 'utf8')).toBe(EICAR);
});

test('the user of a scan may leave threats; whoever does not answer in time has left them', async () => {
  const [taken, left] = [await place.put('root/a', EICAR), await place.put('root/b', `${EICAR} `)];
  const answers = await place.put('answers.json', JSON.stringify({ '*': { [taken]: 'resolve' } }));
  const payload = { choose: true, promptTimeoutSeconds: 1 };
  const result = await run('scan', payload, 'on-demand-scan', { choose: answers });
  expect(result.threats?.map(({ path, outcome, action }) => [path, outcome, action])).toEqual([
    [taken, 'resolved', 'quarantined'],
    [left, 'left-by-user', 'no-answer'],
  ]);
  const none = await run('scan', payload, 'on-demand-scan', { choose: 'none' });
  expect(none.threats).toMatchObject([{ path: left, outcome: 'left-by-user', action: 'left' }]);
  const all = await run('scan', payload, 'on-demand-scan', { choose: 'all' });
  expect(all.threats).toMatchObject([{ path: left, outcome: 'resolved' }]);
});

test('hard links inside the roots go together; one outside is reported as left', async () => {
  const first = await place.put('root/a/one', 'payload');
  await link(first, join(place.root, 'two'));
  const together = await run('mitigate', target(first, sha256Of('payload')));
  expect(together.threats).toMatchObject([{ outcome: 'resolved' }]);
  expect(together.backups).toHaveLength(2);
  expect(await place.copiesOf(sha256Of('payload'))).toEqual([]);
  await place.put('root/a/one', 'payload');
  await link(first, join(place.outside, 'two'));
  const apart = await run('mitigate', target(first, sha256Of('payload')));
  expect(apart.threats).toMatchObject([{ outcome: 'failed', error: expect.stringMatching(/^hard-links: 1 /) }]);
  expect(await place.copiesOf(sha256Of('payload'))).toEqual([join(place.outside, 'two')]);
});

test('a file name that is no valid UTF-8 is found, quarantined and restored under exactly its bytes', async () => {
  const odd = Buffer.concat([Buffer.from(`${place.root}/`), Buffer.from([0x66, 0xff, 0xfe])]);
  await writeFile(odd, EICAR);
  const task = server.open('scan', {}, 'on-demand-scan');
  const { backups = [] } = await resultOf(task);
  expect(await readdir(place.root)).toEqual([]);
  server.reopen(task, 'rollback', { items: backups });
  expect(await resultOf(task)).toMatchObject({ outcome: 'rolled-back' });
  expect(await readFile(odd, 'utf8')).toBe(EICAR);
});

test('targets that are no files are beyond this platform; beside a file they fail on their own', async () => {
  const key = { id: 'k', kind: 'registry-key' as const, path: 'HKLM\\Software\\Run\\x' };
  expect(await run('mitigate', { targets: [key] })).toEqual({ outcome: 'platform-not-supported' });
  const path = await place.put('root/eicar.com', EICAR);
  const mixed = await run('mitigate', { targets: [key, { id: 'f', kind: 'file', path }] });
  expect(mixed.threats).toMatchObject([
    { id: 'k', outcome: 'failed', error: 'unsupported-kind: registry-key' },
    { id: 'f', outcome: 'resolved' },
  ]);
});

test('a custom pattern comes from the server once; one that nobody has is named', async () => {
  const text = 'Custom.Mark: c0 ff ee c0 ff ee\n';
  const digest = sha256Of(text);
  expect(await run('assess', { patterns: [digest] })).toEqual({ outcome: 'pattern-not-found', patternId: digest });
  server.patterns.set(digest, text);
  const path = await place.put('root/marked', Buffer.from('00c0ffeec0ffee00', 'hex'));
  expect(await run('assess', { patterns: [digest] })).toMatchObject({ threats: [{ path, name: 'Custom.Mark' }] });
  server.patterns.clear();
  expect(await run('assess', { patterns: [digest] })).toMatchObject({ threats: [{ path }] });
});

test('a configuration or rule file that cannot be read is named, and the repaired one works at the retry', async () => {
  const hashes = await place.put('hashes.txt', 'not a digest\n');
  const path = await place.put('root/x', 'content');
  const broken = await run('assess', target(path), undefined, { hashes: [hashes] });
  expect(broken).toEqual({ outcome: 'configuration-corrupted', configurationFile: hashes });
  await writeFile(hashes, `${sha256Of('content')} Now.Known\n`);
  expect(await run('assess', target(path), undefined, { hashes: [hashes] })).toMatchObject({
    threats: [{ outcome: 'found' }],
  });
  const own = join(place.state, 'configuration.json');
  await writeFile(own, '{"configuration": ');
  expect(await run('assess')).toEqual({ outcome: 'configuration-corrupted', configurationFile: own });
  server.configuration = { patterns: [] };
  expect(await run('assess')).toMatchObject({ outcome: 'assessed' });
});

test('a scan query service must answer at the start; lost later, its files are counted and the scan goes on', async () => {
  let isUp = true;
  const asked: string[][] = [];
  const reputation = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { sha256 } = JSON.parse(Buffer.concat(chunks).toString());
    asked.push(sha256);
    if (!isUp && sha256.length > 0) return void request.socket.destroy();
    const malicious = sha256.includes(sha256Of('unheard of'))
      ? [{ sha256: sha256Of('unheard of'), name: 'Cloud.Known' }]
      : [];
    response.end(JSON.stringify({ malicious }));
  });
  await new Promise<void>((resolve) => reputation.listen(0, '127.0.0.1', resolve));
  try {
    const scanQueryUrl = `http://127.0.0.1:${(reputation.address() as AddressInfo).port}/query`;
    await place.put('root/clean', 'clean');
    await place.put('root/unknown', 'unheard of');
    expect(await run('assess', { scanQueryUrl })).toMatchObject({
      threats: [{ name: 'Cloud.Known', outcome: 'found' }],
    });
    isUp = false;
    expect(await run('assess', { scanQueryUrl })).toEqual({ outcome: 'assessed', threats: [], bypassedFiles: 2 });
    expect(asked.length).toBeGreaterThan(3);
    await new Promise((resolve) => reputation.close(resolve));
    expect(await run('assess', { scanQueryUrl })).toEqual({ outcome: 'scan-query-unsendable' });
  } finally {
    reputation.closeAllConnections();
    reputation.close();
  }
});

test('a quarantine that lost its key is a component error, and no new key makes its backups worthless', async () => {
  const [one, two] = [await place.put('root/1', EICAR), await place.put('root/2', EICAR)];
  await run('mitigate', target(one));
  await unlink(join(place.state, 'quarantine.key'));
  const result = await run('mitigate', target(two));
  expect(result).toMatchObject({
    outcome: 'component-error',
    component: { name: 'quarantine', version: expect.any(String) },
  });
  expect(await readFile(two, 'utf8')).toBe(EICAR);
  expect((await lstat(join(place.state, 'quarantine'))).isDirectory()).toBe(true);
  expect(await readdir(place.state)).not.toContain('quarantine.key');
});

test('a run asked to stop says so and leaves what it has not begun', async () => {
  await place.put('root/a', EICAR);
  const task = server.open('scan', { choose: true, promptTimeoutSeconds: 600 }, 'on-demand-scan');
  const said: string[] = [];
  const options = readOptions({ ...raw(), once: false }, (line) => said.push(line));
  const stopping = new AbortController();
  const agent = runAgent(options, stopping.signal);
  await eventually(() => said.some((line) => line.includes('which of 1 threats')));
  server.cancel(task);
  await eventually(() => task.results.length === 1);
  expect(task.results[0]?.result).toEqual({ outcome: 'stopped' });
  expect(await readdir(place.root)).toEqual(['a']);
  stopping.abort();
  await agent;
});
