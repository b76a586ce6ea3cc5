import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const fixture = fileURLToPath(new URL('orphan-process.fixture.ts', import.meta.url));
let cache: string;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'quell-orphan-'));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

/** Starts the fixture under a launcher's pipe; resolves once its first line came, which is within its start. */
async function start(doing: string) {
  const child = spawn(process.execPath, [fixture, doing], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH ?? '', QUELL_PARENT_PIPE: '1', NODE_COMPILE_CACHE: cache },
  });
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  return { child, ended };
}

async function writtenFiles() {
  const entries = await readdir(cache, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

test.each(['running', 'starting', 'stopping for ever'])(
  'an orphan ends without writing the compile cache, which on a busy disk takes longer than its stop (%s)',
  async (doing) => {
    const { child, ended } = await start(doing);
    child.stdin.end();
    await ended;
    expect(await writtenFiles()).toEqual([]);
  },
  60_000,
);

test('a stop that was asked for does write it, for the next start', async () => {
  const { child, ended } = await start('running');
  child.kill('SIGTERM');
  expect((await ended)[0]).toBe(0);
  expect((await writtenFiles()).length).toBeGreaterThan(10);
}, 60_000);
