/**
 * How tests reach the servers of their jest run. Asking for one writes `<server>.wanted` into the run's directory; the keeper
 * (`keeper.ts`) starts it and writes `<server>.ready` or `<server>.failed`. Files, because a test may need the answer without
 * awaiting, and a run that asks for nothing must start nothing.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names the directory of the jest run, set by `global-setup.ts`. */
export const runDirVariable = 'QUELL_TEST_RUN_DIR';

/** The servers a test can ask for. */
export const serverNames = ['postgres', 'kafka'] as const;

/** One of the servers a test can ask for. */
export type ServerName = (typeof serverNames)[number];

/** The file in which a server's state of that kind is told. */
export function stateFile(runDir: string, server: ServerName, state: 'wanted' | 'ready' | 'failed'): string {
  return join(runDir, `${server}.${state}`);
}

/** Writes a state file so that a reader never sees half of it. */
export function writeState(
  runDir: string,
  server: ServerName,
  state: 'wanted' | 'ready' | 'failed',
  text: string,
): void {
  const file = stateFile(runDir, server, state);
  writeFileSync(`${file}.${process.pid}`, text, { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}

/**
 * The address of a server of this run, started at the first call. Blocks the thread meanwhile, a few seconds.
 *
 * @throws Error when the server cannot start, with the reason; when not run by jest with the root `jest.config.js`; after 120 s.
 */
export function serverAddress(server: ServerName): string {
  const runDir = process.env[runDirVariable];
  if (!runDir) throw new Error(`${runDirVariable} is not set: run jest with the jest.config.js at the root`);
  if (!existsSync(stateFile(runDir, server, 'ready'))) writeState(runDir, server, 'wanted', '');

  const deadline = Date.now() + 120_000;
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (Date.now() < deadline) {
    if (existsSync(stateFile(runDir, server, 'failed'))) {
      throw new Error(`no ${server} for tests: ${readFileSync(stateFile(runDir, server, 'failed'), 'utf8')}`);
    }
    if (existsSync(stateFile(runDir, server, 'ready'))) return readFileSync(stateFile(runDir, server, 'ready'), 'utf8');
    Atomics.wait(never, 0, 0, 50);
  }
  throw new Error(`no ${server} for tests after 120 s`);
}
