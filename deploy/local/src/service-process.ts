import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openLog } from './log-file.ts';
import type { Part } from './part.ts';
import { StartError } from './start-error.ts';

/** A service to run as a child process. */
export interface ServiceOrder {
  readonly name: string;
  /** Its `main.ts`. */
  readonly main: string;
  /** Whether its source has decorators, which Node's own type stripping does not run. */
  readonly decorators: boolean;
  readonly env: Readonly<Record<string, string>>;
}

/** A service that accepts requests. */
export interface RunningService extends Part {
  readonly url: string;
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const listenWithinMs = 90_000;
const stopWithinMs = 25_000;

/**
 * Starts a service and waits for its `listening` log line with its URL. The service ends itself when this process is gone.
 *
 * @param logDir where `<name>.log` goes.
 * @param abandon aborts the wait; the service is stopped then.
 * @throws StartError when it ends or stays silent for 90 s, with its last log line.
 */
export async function startService(order: ServiceOrder, logDir: string, abandon: AbortSignal): Promise<RunningService> {
  const log = openLog(join(logDir, `${order.name}.log`));
  const loader = order.decorators ? ['--import', '@swc-node/register/esm-register'] : [];
  // Its own session, so that Ctrl-C in a terminal reaches the launcher alone, which then stops everything in order.
  // Its log is a file, not our pipe, so that its last words are kept even when we are killed.
  const child = spawn(process.execPath, [...loader, order.main], {
    cwd: root,
    detached: true,
    stdio: ['pipe', log.fd, log.fd],
    // Compiled code is kept between starts: it is a quarter of what a service needs to come up.
    // Large buffers on pages of their own: what building a search index has used goes back to the system (glibc).
    env: {
      MALLOC_MMAP_THRESHOLD_: '262144',
      ...order.env,
      QUELL_PARENT_PIPE: '1',
      NODE_COMPILE_CACHE: join(logDir, '..', 'compile-cache'),
    },
  });
  log.close();
  child.stdin?.on('error', () => {});
  let gone = false;
  const ended = new Promise<{ reason: string }>((resolve) => {
    child.once('error', (error) => {
      gone = true;
      resolve({ reason: error.message });
    });
    child.once('exit', (code, signal) => {
      gone = true;
      const how = signal ? `killed by ${signal}` : `exit code ${code}`;
      resolve({ reason: `${how}, ${lastWords(log.lastLine())} (${log.path})` });
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const impatience = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    await ended;
    clearTimeout(impatience);
  };

  const deadline = Date.now() + listenWithinMs;
  while (!gone && !abandon.aborted && Date.now() < deadline) {
    const url = listeningUrl(log.head());
    if (url) return { name: order.name, pid: child.pid ?? 0, url, ended, stop };
    await Promise.race([delay(40), ended]);
  }
  const silent = !gone && !abandon.aborted;
  await stop();
  const { reason } = await ended;
  throw new StartError(
    silent ? `${order.name} did not listen within 90 s (${log.path})` : `${order.name} ended while starting: ${reason}`,
  );
}

/** The URL of the first `listening` line of a pino log, if it is there. */
export function listeningUrl(log: string): string | undefined {
  for (const line of log.split('\n')) {
    if (!line.includes('"msg":"listening"')) continue;
    const { url } = parsed(line);
    if (typeof url === 'string') return url;
  }
  return undefined;
}

/** What a pino line says, without its JSON. */
export function lastWords(line: string): string {
  const { msg, err } = parsed(line);
  const cause = typeof err === 'object' && err !== null && 'message' in err ? `: ${String(err.message)}` : '';
  return typeof msg === 'string' ? `${msg}${cause}` : line;
}

function parsed(line: string): { msg?: unknown; url?: unknown; err?: unknown } {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
