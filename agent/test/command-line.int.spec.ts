import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOptions, readUrl } from '../src/settings/command-line.ts';
import { AgentProcess } from './agent-process.ts';
import { Playground } from './fixtures.ts';

let place: Playground;
beforeEach(async () => {
  place = await Playground.make();
});
afterEach(() => place.dispose());

const base = { url: 'http://127.0.0.1:1', wait: '1', retryBase: '1', retryCap: '1' };
const read = (raw: object) => readOptions({ ...base, ...raw }, () => {});

test('the state folder may not lie in a root, nor a root in it, nor by way of a link', async () => {
  expect(() => read({ root: [place.root], state: join(place.root, 'state') })).toThrow('inside one another');
  expect(() => read({ root: [place.root], state: place.folder })).toThrow('inside one another');
  await mkdir(join(place.root, 'inner'));
  await symlink(join(place.root, 'inner'), join(place.folder, 'alias'));
  expect(() => read({ root: [place.root], state: join(place.folder, 'alias') })).toThrow('inside one another');
});

test('the state folder is for its owner alone, and a root inside another one is one root', async () => {
  await mkdir(join(place.root, 'inner'));
  await mkdir(place.state, { mode: 0o755 });
  const { roots, stateDir } = read({ root: [join(place.root, 'inner'), place.root, place.root], state: place.state });
  expect(roots.map(({ real }) => real)).toEqual([place.root]);
  expect((await stat(stateDir)).mode & 0o777).toBe(0o700);
});

test('a server that is not this machine needs TLS, or somebody who says it does not', () => {
  expect(() => readUrl('http://quell.example:8080')).toThrow('needs https');
  expect(readUrl('https://quell.example')).toBe('https://quell.example/');
  expect(readUrl('http://quell.example:8080', { QUELL_INSECURE: '1' })).toBe('http://quell.example:8080/');
  expect(readUrl('http://[::1]:8080')).toBe('http://[::1]:8080/');
  expect(() => readUrl('quell')).toThrow('not an http(s) URL');
});

test('what is missing or wrong is said in one line with a non-zero exit', async () => {
  const missingRoot = await AgentProcess.run(['--url', 'http://127.0.0.1:1', '--root', join(place.folder, 'none')]);
  expect(missingRoot).toEqual({ code: 2, output: expect.stringMatching(/^quell-agent: --root: ENOENT[^\n]*\n$/) });
  const unenrolled = ['--url', 'http://127.0.0.1:1', '--root', place.root, '--state', place.state];
  const { code, output } = await AgentProcess.run(unenrolled, { QUELL_ENROLMENT_TOKEN: '' });
  expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining('--token') });
});

test('an agent that npm runs ends when npm is ended, which tells its shell alone', async () => {
  const program = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const args = ['--url', base.url, '--token', 'none', '--root', place.root, '--state', place.state];
  const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
  const shell = spawn('sh', ['-c', `${command}; true`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, npm_lifecycle_event: 'agent' },
  });
  // The agent holds the pipe: its end is the agent's end.
  const ended = once(shell.stdout, 'end');
  await once(shell.stdout, 'data');
  shell.kill('SIGTERM');
  shell.stdout.resume();
  await ended;
}, 15_000);
