import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runDirVariable } from './servers.ts';

declare global {
  var quellTestKeeper: ChildProcess | undefined;
}

/** Runs once before all tests: makes the run's directory and starts the keeper of its servers, which starts none yet. */
export default async function setUp(): Promise<void> {
  const runDir = await mkdtemp(join(tmpdir(), 'quell-test-'));
  // Run by root, Postgres works as another user below this directory.
  await chmod(runDir, 0o711);
  process.env[runDirVariable] = runDir;
  const keeper = fileURLToPath(new URL('keeper.ts', import.meta.url));
  globalThis.quellTestKeeper = spawn(process.execPath, [keeper, runDir], {
    detached: true,
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}
