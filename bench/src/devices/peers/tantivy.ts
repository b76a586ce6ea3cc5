import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const program = fileURLToPath(new URL('./tantivy_peer.py', import.meta.url));
const PACKAGE = 'tantivy==0.27.0';

export interface TantivyPeer {
  readonly buildSeconds: number;
  readonly rssBytes: number;
  /** Searches for about `seconds`, in its own process: hits with their exact total, and the counts of three facets. */
  measure(seconds: number): Promise<{ latenciesMs: number[]; cpuMicroseconds: number }>;
  close(): Promise<void>;
}

/** @param devicesFile, keystrokesFile NDJSON. @throws Error when Python or the package cannot be had */
export async function tantivyPeer(dir: string, devicesFile: string, keystrokesFile: string): Promise<TantivyPeer> {
  const venv = join(dir, 'tantivy');
  await run('python3', ['-m', 'venv', venv]);
  await run(join(venv, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', PACKAGE]);
  const child = spawn(join(venv, 'bin', 'python'), [program, devicesFile, keystrokesFile], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('tantivy ended');
    return JSON.parse(value) as T;
  };
  const { buildSeconds, rssBytes } = await next<{ buildSeconds: number; rssBytes: number }>();
  return {
    buildSeconds,
    rssBytes,
    measure(seconds) {
      child.stdin.write(`${seconds}\n`);
      return next();
    },
    async close() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.stdin.end();
      await gone;
    },
  };
}
