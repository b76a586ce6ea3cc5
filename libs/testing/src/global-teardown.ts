import { once } from 'node:events';

/** Runs once after all tests: ends the keeper, which stops the servers and removes their data. */
export default async function tearDown(): Promise<void> {
  const keeper = globalThis.quellTestKeeper;
  if (!keeper || keeper.exitCode !== null) return;
  const gone = once(keeper, 'exit');
  keeper.stdin?.end();
  await gone;
}
