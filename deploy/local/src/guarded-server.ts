import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openLog } from './log-file.ts';

/** What `guard.ts` is told to run, and how to stop it. It is in its command line, which every user can see: no secrets. */
export interface GuardOrder {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly account?: { readonly uid: number; readonly gid: number };
  /** Sent by `stop()`. */
  readonly stopSignal: NodeJS.Signals;
  /** After this long `stop()` resorts to `killSignal`. */
  readonly stopWithinMs: number;
  /** Sent when the launcher is gone; 3 s later follows `killSignal`. */
  readonly orphanSignal: NodeJS.Signals;
  readonly killSignal: NodeJS.Signals;
}

/** A server process that ends with this process, however this process ends. */
export interface GuardedServer {
  /** The server itself, not its guard. */
  readonly pid: number;
  /** Resolves once the server is gone, with the last line it logged since this start. */
  readonly ended: Promise<{ reason: string }>;
  /** The first megabyte that the server has logged since this start. */
  logged(): string;
  /** Stops the server in order; resolves once it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a server under a guard process (see `guard.ts`).
 *
 * @param logFile receives the output of the server, appended.
 * @param env added to the environment of the server: the place for secrets.
 * @throws Error when the command cannot be started, with the reason.
 */
export async function startGuarded(
  order: GuardOrder,
  logFile: string,
  env: Readonly<Record<string, string>> = {},
): Promise<GuardedServer> {
  const log = openLog(logFile);
  // Its own session, so that Ctrl-C in a terminal reaches the launcher alone, which then stops everything in order.
  const guard = spawn(process.execPath, [fileURLToPath(new URL('guard.ts', import.meta.url)), JSON.stringify(order)], {
    detached: true,
    stdio: ['pipe', 'pipe', log.fd],
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  log.close();
  guard.stdin?.on('error', () => {});

  const gone = new Promise<void>((resolve) => guard.once('close', () => resolve()));
  const pid = await serverPid(guard);
  const ended = gone.then(() => {
    // A guard killed from outside leaves its server behind.
    if (guard.signalCode && pid) killQuietly(pid);
    return { reason: log.lastLine() };
  });
  if (pid === undefined) throw new Error(`${order.command} did not start: ${(await ended).reason}`);

  return {
    pid,
    ended,
    logged: log.head,
    stop: async () => {
      guard.kill('SIGTERM');
      await ended;
    },
  };
}

function serverPid(guard: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve) => {
    guard.stdout?.once('data', (chunk: Buffer) => resolve(Number.parseInt(chunk.toString(), 10)));
    guard.once('close', () => resolve(undefined));
  });
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
