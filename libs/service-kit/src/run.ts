import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';
import { CONFIG_EXIT_CODE, ConfigError, type processEnvironment, readConfig } from './config.ts';
import { createLog, type Log } from './log.ts';

/** Without a launcher its servers go as well, so there is little to wait for, and nothing may be left behind. */
const ORPHAN_SECONDS = 2.5;

interface Stoppable {
  readonly log: Log;
  stop(reason: string): Promise<void>;
}

/**
 * Runs a program as a process of its own: a signal, or the end of stdin under a launcher (`QUELL_PARENT_PIPE=1`), stops
 * it in order with exit code 0; bad configuration exits 78; a failed start, an uncaught error or a stop that takes
 * longer than `QUELL_SHUTDOWN_SECONDS` exits 1, each with one log line. A second signal ends it at once. A process that
 * keeps compiled code (`NODE_COMPILE_CACHE`) and whose launcher is gone kills itself after its stop instead of exiting.
 */
export async function runProcess(
  name: string,
  config: typeof processEnvironment,
  start: (environment: NodeJS.ProcessEnv) => Promise<Stoppable>,
): Promise<void> {
  const log = createLog(name, 'info');
  let exit: (code: number) => never = (code) => process.exit(code);
  const fail = (err: unknown, what: string, code = 1): never => {
    // One line that tells a person what is wrong: a launcher shows it.
    const message = err instanceof Error ? err.message : String(err);
    log.fatal(err instanceof ConfigError ? {} : { err }, err instanceof ConfigError ? message : `${what}: ${message}`);
    return exit(code);
  };
  process.on('uncaughtException', (err) => fail(err, 'uncaught exception'));
  process.on('unhandledRejection', (err) => fail(err, 'unhandled rejection'));

  let running: Stoppable | undefined;
  let stopping = false;
  let seconds = 20;
  const stop = (reason: string, withinSeconds = seconds) => {
    if (stopping || running === undefined) exit(stopping ? 130 : 0);
    stopping = true;
    setTimeout(
      () => fail(new Error(`not stopped after ${withinSeconds} s`), 'the stop took too long'),
      withinSeconds * 1000,
    );
    running.stop(reason).then(
      () => exit(0),
      (err: unknown) => fail(err, 'the stop failed'),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal));

  try {
    const settings = readConfig(config, process.env);
    seconds = settings.QUELL_SHUTDOWN_SECONDS;
    if (settings.QUELL_PARENT_PIPE && !process.stdin.isTTY) {
      const orphaned = () => {
        exit = exitAtOnce;
        // Two signals may arrive on the way down, but only one end of the pipe: it must not cut a stop short.
        if (!stopping) stop('the launcher is gone', Math.min(seconds, ORPHAN_SECONDS));
      };
      process.stdin.on('end', orphaned).on('error', orphaned).resume();
    }
    running = await start(process.env);
  } catch (err) {
    fail(err, 'the start failed', err instanceof ConfigError ? CONFIG_EXIT_CODE : 1);
  }
}

/**
 * Ends the process without writing its compile cache. `process.exit` writes it first, a file for each module, which took four
 * services 16 s on a busy disk after they had stopped in one; so does a signal that the main thread sends to its own process.
 */
function exitAtOnce(code: number): never {
  if (getCompileCacheDir() !== undefined) {
    new Worker("process.kill(process.pid, 'SIGKILL')", { eval: true, execArgv: [], env: {} });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_000);
  }
  return process.exit(code);
}
