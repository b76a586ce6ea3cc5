import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StartError } from './start-error.ts';
import { type SystemLock, trySystemLock } from './system-lock.ts';

/** The launcher's files below `QUELL_DATA_DIR`. */
export interface DataDir {
  readonly path: string;
  readonly logs: string;
  /** Gives the directory free for the next launcher. */
  release(): void;
}

/** Locked for as long as a launcher has the directory; nothing is ever written to it. */
const lockName = 'launcher.lock.sqlite';
/** Says who, for the message: what counts is the lock. */
const holderName = 'launcher.lock';

/**
 * Makes the data directory and takes it for this process, until it releases it or ends, however it ends.
 *
 * @throws StartError when a live launcher has it, or it cannot be written.
 */
export async function takeDataDir(path: string): Promise<DataDir> {
  const logs = join(path, 'logs');
  try {
    await mkdir(logs, { recursive: true, mode: 0o700 });
    // Others may pass but not look around: run by root, Postgres works as another user below it.
    await chmod(path, 0o711);
    const lock = await locked(path);
    return { path, logs, release: () => lock.release() };
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `The data directory ${path} cannot be used (${(error as Error).message}). Set QUELL_DATA_DIR.`,
    );
  }
}

async function locked(path: string): Promise<SystemLock> {
  const lock = await trySystemLock(join(path, lockName));
  const holder = join(path, holderName);
  if (lock !== undefined) {
    await writeFile(holder, String(process.pid), { mode: 0o600 });
    return lock;
  }
  const pid = await readFile(holder, 'utf8').catch(() => '');
  throw new StartError(
    `The data directory ${path} is in use by ${pid ? `the launcher with process id ${pid}` : 'another launcher'}. ` +
      'Stop it, or set QUELL_DATA_DIR and QUELL_PORT to run a second one.',
  );
}

/**
 * The text of a secret file (0600), which `make` provides at the first start.
 *
 * @returns the text without its line end.
 */
export async function secretFile(file: string, make: () => string): Promise<string> {
  if (!existsSync(file)) {
    const unfinished = `${file}.new-${randomBytes(4).toString('hex')}`;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(unfinished, `${make()}\n`, { mode: 0o600 });
    await rename(unfinished, file);
  }
  return (await readFile(file, 'utf8')).trim();
}

/** A random secret for URLs and headers: 256 bits. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}
