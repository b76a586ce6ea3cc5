import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { chmod, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAlive } from './is-alive.ts';
import { StartError } from './start-error.ts';

/** The launcher's files below `QUELL_DATA_DIR`. */
export interface DataDir {
  readonly path: string;
  readonly logs: string;
  /** Gives the directory free for the next launcher. */
  release(): void;
}

const lockName = 'launcher.lock';

/**
 * Makes the data directory and takes it for this process. A lock left by a launcher that was killed is taken over.
 *
 * @throws StartError when a live launcher has it, or it cannot be written.
 */
export async function takeDataDir(path: string): Promise<DataDir> {
  const logs = join(path, 'logs');
  try {
    await mkdir(logs, { recursive: true, mode: 0o700 });
    // Others may pass but not look around: run by root, Postgres works as another user below it.
    await chmod(path, 0o711);
    await lock(path);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `The data directory ${path} cannot be used (${(error as Error).message}). Set QUELL_DATA_DIR.`,
    );
  }
  return { path, logs, release: () => rmSync(join(path, lockName), { force: true }) };
}

async function lock(path: string): Promise<void> {
  const file = join(path, lockName);
  for (;;) {
    try {
      const handle = await open(file, 'wx', 0o600);
      await handle.write(String(process.pid));
      await handle.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    if (holder > 0 && holder !== process.pid && (await isLauncher(holder))) {
      throw new StartError(
        `The data directory ${path} is in use by the launcher with process id ${holder}. ` +
          'Stop it, or set QUELL_DATA_DIR and QUELL_PORT to run a second one.',
      );
    }
    await rm(file, { force: true });
  }
}

/** Whether a live process is a Node program: process ids are used again, so being alive is not enough. */
async function isLauncher(pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return commandLine === undefined || commandLine.includes('node');
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
