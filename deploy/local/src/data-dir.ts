import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from './start-error.ts';

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
    return { path, logs, release: () => lock.close() };
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `The data directory ${path} cannot be used (${(error as Error).message}). Set QUELL_DATA_DIR.`,
    );
  }
}

/**
 * The operating system ends the lock of a process with the process, so none is ever stale. Node offers such locks through SQLite
 * alone, which takes one on an empty file too.
 */
async function locked(path: string): Promise<DatabaseSync> {
  const file = join(path, lockName);
  // Other users, who may pass, could lock what they can read.
  await writeFile(file, '', { flag: 'a', mode: 0o600 });
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    await writeFile(join(path, holderName), String(process.pid), { mode: 0o600 });
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== sqliteBusy) throw error;
    const holder = await readFile(join(path, holderName), 'utf8').catch(() => '');
    throw new StartError(
      `The data directory ${path} is in use by ${holder ? `the launcher with process id ${holder}` : 'another launcher'}. ` +
        'Stop it, or set QUELL_DATA_DIR and QUELL_PORT to run a second one.',
    );
  }
}

const sqliteBusy = 5;

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
