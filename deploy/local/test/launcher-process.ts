import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@quell/testing/eventually';
import { isRunning, processesMentioning } from '@quell/testing/processes';

/** A launcher under test, in a process of its own. */
export interface LauncherProcess {
  readonly pid: number;
  /** All it printed so far. */
  output(): string;
  /** Its base URL once it is ready; rejects with its output when it ends before. */
  ready(): Promise<string>;
  /** Its exit code, `null` after a signal. */
  readonly exit: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
}

/** What `npm start` runs: the launcher over the real services. */
export const quellLauncher = fileURLToPath(new URL('../src/main.ts', import.meta.url));
/** The launcher over services that do nothing. */
export const fixtureLauncher = fileURLToPath(new URL('fixture-launcher.ts', import.meta.url));
const started: LauncherProcess[] = [];
const dirs: string[] = [];

/** Starts a launcher, by default the one over fixture services, on a free port unless `env` says otherwise. */
export function startLauncher(env: Readonly<Record<string, string>>, main = fixtureLauncher): LauncherProcess {
  const { JAVA_HOME: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, npm_lifecycle_event: '', QUELL_PORT: '0', ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  let ended = false;
  const exit = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      ended = true;
      resolve(code);
    }),
  );
  const launcher: LauncherProcess = {
    pid: child.pid ?? 0,
    output: () => output,
    exit,
    signal: (signal) => child.kill(signal),
    ready: () =>
      eventually(
        () => {
          const url = /^Ready at (\S+)/m.exec(output)?.[1];
          if (!url && !ended) throw new Error(`not ready, it printed: ${output}`);
          return { url };
        },
        { timeoutMs: 200_000 },
      ).then(({ url }) => {
        if (!url) throw new Error(`the launcher ended: ${output}`);
        return url;
      }),
  };
  started.push(launcher);
  return launcher;
}

/** A data directory that is removed by `cleanUp`. */
export async function temporaryDataDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'quell-launcher-'));
  dirs.push(dir);
  return dir;
}

/** The process ids that a ready launcher tells, by part. */
export async function processIds(dataDir: string): Promise<Record<string, number>> {
  const { url: _, ...ids } = JSON.parse(await readFile(join(dataDir, 'processes.json'), 'utf8'));
  return ids;
}

/**
 * Waits until none of these processes, and none that names the data directory (if given), is left. They need a few seconds; what is
 * asked here is whether they end at all, so a machine that is busy with other tests gets its time.
 */
export async function nothingLeft(dataDir: string | undefined, ids: readonly number[]): Promise<void> {
  await eventually(
    async () => {
      const named = dataDir === undefined ? [] : await processesMentioning(dataDir);
      const running = await Promise.all(ids.map(isRunning));
      const left = [...named.map(({ pid }) => pid), ...ids.filter((_, index) => running[index])];
      if (left.length > 0) throw new Error(`still running: ${left.join(', ')}`);
      return true;
    },
    { timeoutMs: 90_000 },
  );
}

/** Stops the launchers and removes the directories of a test. */
export async function cleanUp(): Promise<void> {
  for (const launcher of started.splice(0)) {
    launcher.signal('SIGTERM');
    await launcher.exit;
  }
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
}
