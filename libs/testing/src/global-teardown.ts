import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { runDirVariable } from './servers.ts';

/** Runs once after all tests: ends the keeper, which stops the servers, and removes their data. */
export default async function tearDown(): Promise<void> {
  const keeper = globalThis.quellTestKeeper;
  if (keeper && keeper.exitCode === null && keeper.signalCode === null) {
    const gone = once(keeper, 'exit');
    keeper.stdin?.end();
    await gone;
  }
  const runDir = process.env[runDirVariable];
  if (runDir) await rm(runDir, { recursive: true, force: true });
}
