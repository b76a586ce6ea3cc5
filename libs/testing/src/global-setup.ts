import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runDirVariable, serverNames, writeState } from './servers.ts';

declare global {
  var quellTestKeeper: ChildProcess | undefined;
}

/** Runs once before all tests: makes the run's directory and starts the keeper of its servers, which starts none yet. */
export default async function setUp(): Promise<void> {
  const runDir = await mkdtemp(join(tmpdir(), 'quell-test-'));
  // Run by root, Postgres works as another user below this directory.
  await chmod(runDir, 0o711);
  process.env[runDirVariable] = runDir;
  const program = fileURLToPath(new URL('keeper.ts', import.meta.url));
  const kept = spawn(process.execPath, [program, runDir], {
    detached: true,
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  // So that tests do not wait for one that is gone.
  kept.once('exit', (code) => {
    if (code !== 0)
      for (const server of serverNames) writeState(runDir, server, 'failed', `keeper.ts ended with code ${code}`);
  });
  globalThis.quellTestKeeper = kept;
}
