import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeDataDir } from '../src/data-dir.ts';

const holder = fileURLToPath(new URL('fixture-holder.ts', import.meta.url));
const children: ChildProcess[] = [];
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quell-data-dir-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await killed(child);
  await rm(dir, { recursive: true, force: true });
});

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** A process that tries to take the directory, and the first line it says. */
function start(): { child: ChildProcess; said: Promise<string> } {
  const child = spawn(process.execPath, [holder, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return { child, said: once(child.stdout, 'data').then(([text]) => String(text).trim()) };
}

test('of starters at the same time exactly one gets the directory, each time after its holder was killed', async () => {
  for (let round = 0; round < 5; round += 1) {
    const starters = Array.from({ length: 6 }, start);
    const said = await Promise.all(starters.map((starter) => starter.said));
    expect(said.filter((text) => text === 'taken')).toHaveLength(1);
    expect(said.filter((text) => text.includes('is in use by'))).toHaveLength(5);
    const winner = starters[said.indexOf('taken')];
    expect(await start().said).toContain(`in use by the launcher with process id ${winner?.child.pid}.`);
    if (winner) await killed(winner.child);
  }
}, 120_000);

test('a launcher that is only just taking the directory is not overlooked', async () => {
  const first = start();
  await first.said;
  await writeFile(join(dir, 'launcher.lock'), '');
  await expect(takeDataDir(dir)).rejects.toThrow('is in use by');
});

test('what is released can be taken again, also by the same process', async () => {
  const first = await takeDataDir(dir);
  await expect(takeDataDir(dir)).rejects.toThrow('is in use by');
  first.release();
  (await takeDataDir(dir)).release();
});
