import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunResult } from '@quell/contracts/run-result';
import { runAgent } from '../src/service/agent.ts';
import { readOptions } from '../src/settings/command-line.ts';
import { EICAR, Playground } from './fixtures.ts';
import { ProtocolServer, type ServerTask } from './protocol-server.ts';

let place: Playground;
let server: ProtocolServer;
let said: string[];
beforeEach(async () => {
  place = await Playground.make();
  server = new ProtocolServer();
  said = [];
  await server.listen();
});
afterEach(async () => {
  await server.close();
  await place.dispose();
  expect(server.violations).toEqual([]);
});

/** Lets an agent do what waits; the result of the task's latest run. */
async function done(task: ServerTask): Promise<RunResult> {
  const raw = { url: server.url, token: server.token, root: [place.root], state: place.state, once: true };
  const options = readOptions(
    { ...raw, wait: '5', retryBase: '0.05', retryCap: '0.2' },
    (line) => void said.push(line),
  );
  await runAgent(options, new AbortController().signal);
  const last = task.results.at(-1);
  if (last?.run !== task.run) throw new Error(`no result; the agent said:\n${said.join('\n')}`);
  return last.result;
}

/** Infected files below a folder whose path is about so long: long paths make a large result of few files. */
async function infect(count: number, pathLength = 0): Promise<void> {
  const deep = `${'d'.repeat(200)}/`.repeat(Math.ceil(pathLength / 201));
  const names = Array.from({ length: count }, (_, index) => join('root', deep, `file-${index}`));
  await Promise.all(names.map((name) => place.put(name, EICAR)));
}
const filesLeft = async () =>
  (await readdir(place.root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;

test('a run whose result is larger than a mebibyte reports every backup, and each can be rolled back', async () => {
  const count = 160;
  await infect(count, 3700);
  const task = server.open('scan', {}, 'on-demand-scan');
  const result = await done(task);
  expect(Buffer.byteLength(JSON.stringify(result))).toBeGreaterThan(2 ** 20);
  expect(result).toMatchObject({ outcome: 'finished', threats: { length: count }, backups: { length: count } });
  expect(await filesLeft()).toBe(0);
  server.reopen(task, 'rollback', { items: result.backups });
  expect(await done(task)).toMatchObject({ outcome: 'rolled-back', items: { length: count } });
  expect(await filesLeft()).toBe(count);
}, 60_000);

test('a server that takes less gets a shorter result, with every backup and a count of what it does not list', async () => {
  const count = 100;
  await infect(count);
  server.bodyLimitBytes = 20 * 1024;
  const task = server.open('scan', {}, 'on-demand-scan');
  const result = await done(task);
  expect(result.backups).toHaveLength(count);
  expect((result.threats?.length ?? 0) + (result.unlistedThreats ?? 0)).toBe(count);
  expect(result.unlistedThreats).toBeGreaterThan(0);
  expect(said).toContainEqual(expect.stringContaining('too large for the server, sent again in fewer bytes'));
}, 30_000);
