import { writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';

/** A lock that this process holds until it lets go or ends, however it ends. */
export interface SystemLock {
  release(): void;
}

/**
 * Takes the lock of a file, which holds nothing, or undefined while another has it. The operating system ends the lock of a process
 * with the process, so none is ever stale. Node offers such locks through SQLite alone, which takes one on an empty file too.
 */
export async function trySystemLock(file: string): Promise<SystemLock | undefined> {
  // Other users, who may pass, could lock what they can read.
  await writeFile(file, '', { flag: 'a', mode: 0o600 });
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return { release: () => lock.close() };
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode === sqliteBusy) return undefined;
    throw error;
  }
}

const sqliteBusy = 5;
