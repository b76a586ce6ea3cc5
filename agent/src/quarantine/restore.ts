import { type FileHandle } from 'node:fs/promises';
import type { RollbackItem } from '@quell/contracts/run-result';
import { Directory, isCode, NotConfined } from '../confined/directory.ts';
import { lastName, type Place, type Root } from '../confined/roots.ts';
import { examine } from '../detect/examine.ts';
import { fitText } from '../run/fit-text.ts';
import { placeOf } from './planned-item.ts';
import { SealBroken, unseal } from './sealed-file.ts';
import type { Manifest, Vault } from './vault.ts';

export interface RestoreContext {
  readonly roots: readonly Root[];
  readonly vault: Vault;
  /** RFC 3339. */
  readonly now: string;
}

type NotRestored = Pick<RollbackItem, 'reason' | 'detail'>;

const NO_RULES = { hashes: new Map<string, string>(), patterns: [] };

/**
 * Puts one backup back at its path: written beside it under a name of its own, verified, given its mode, times and owner, and only then
 * linked to its name, which never replaces anything. Doing it again, after a crash or for a run sent twice, ends the same.
 */
export async function restore(backupId: string, { roots, vault, now }: RestoreContext): Promise<RollbackItem> {
  const not = ({ reason, detail }: NotRestored): RollbackItem => ({
    id: backupId,
    restored: false,
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined ? {} : { detail: fitText(detail, 1024) }),
  });
  try {
    const entry = await vault.manifestOf(backupId);
    if (entry === undefined) return not({ reason: 'backup-missing' });
    if (entry.restoredAt === undefined) {
      const place = placeOf(roots, entry);
      if (place === undefined) return not({ reason: 'other', detail: `outside-root: ${entry.path}` });
      const refused = await putBack(entry, place, vault);
      if (refused !== undefined) return not(refused);
    }
    await vault.markRestored(entry, now);
    return { id: backupId, restored: true };
  } catch (error) {
    if (error instanceof SealBroken) return not({ reason: 'backup-corrupted', detail: error.message });
    if (error instanceof NotConfined) return not({ reason: 'other', detail: `not-followed: ${error.message}` });
    return not({ reason: 'other', detail: (error as Error).message });
  }
}

async function putBack(entry: Manifest, place: Place, vault: Vault): Promise<NotRestored | undefined> {
  const sealed = await vault.openSealed(entry.backupId);
  if (sealed === undefined) return { reason: 'backup-missing' };
  try {
    await using directory = await openOrMakeParent(place);
    const name = lastName(place);
    const beside = Buffer.from(`.quell-restore-${entry.backupId}`);
    await directory.unlink(beside).catch(ignoreMissing);
    const standing = await standingContent(directory, name);
    // The same content at the path is what a restore before a crash left, or what the user put back: either way it is back.
    if (standing === entry.sha256) return undefined;
    if (standing !== undefined) return { reason: 'other', detail: `path-occupied: ${entry.path}` };
    const file = await directory.createFile(beside);
    try {
      await writeBack(entry, sealed, file, vault);
      return await nameIt(directory, beside, name, entry);
    } finally {
      await file.close();
      await directory.unlink(beside).catch(ignoreMissing);
      await directory.sync();
    }
  } finally {
    await sealed.close();
  }
}

async function writeBack(entry: Manifest, sealed: FileHandle, file: FileHandle, vault: Vault): Promise<void> {
  const plain = await unseal(sealed, vault.sealingKey, entry.backupId, file);
  const written = await examine(file, NO_RULES);
  if (plain.sha256 !== entry.sha256 || written.sha256 !== entry.sha256) {
    throw new SealBroken('the content is not the one the manifest names');
  }
  // Giving a file to its owner needs privilege; an agent without it only ever took files it could put back as its own.
  await file.chown(entry.uid, entry.gid).catch((error: unknown) => {
    if (!isCode(error, 'EPERM', 'ENOSYS')) throw error;
  });
  await file.chmod(entry.mode);
  await file.utimes(Number(entry.atimeNs) / 1e9, Number(entry.mtimeNs) / 1e9);
  await file.sync();
}

async function nameIt(
  directory: Directory,
  beside: Buffer,
  name: Buffer,
  entry: Manifest,
): Promise<NotRestored | undefined> {
  try {
    await directory.link(beside, name);
    return undefined;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return { reason: 'other', detail: `path-occupied: ${entry.path}` };
    // FAT and some network file systems have no hard links: look, then rename.
    if (!isCode(error, 'EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK')) throw error;
    if ((await standingContent(directory, name)) !== undefined) {
      return { reason: 'other', detail: `path-occupied: ${entry.path}` };
    }
    await directory.rename(beside, name);
    return undefined;
  }
}

/** Digest of the regular file at a name, 'other' for anything else there, undefined for nothing. */
async function standingContent(directory: Directory, name: Buffer): Promise<string | undefined> {
  const stat = await directory.stat(name).catch(ignoreMissing);
  if (stat === undefined) return undefined;
  if (!stat.isFile()) return 'other';
  const file = await directory.openFile(name);
  try {
    return (await examine(file, NO_RULES)).sha256;
  } finally {
    await file.close();
  }
}

/** Opens the folder of a place; folders removed since are made again, for their owner only. */
async function openOrMakeParent({ root, names }: Place): Promise<Directory> {
  let directory = await Directory.openRoot(root.real);
  for (const name of names.slice(0, -1)) {
    const parent = directory;
    try {
      directory = await parent.openDirectory(name).catch(async (error: unknown) => {
        if (!isCode(error, 'ENOENT')) throw error;
        await parent.createDirectory(name, 0o700);
        await parent.sync();
        return parent.openDirectory(name);
      });
    } finally {
      await parent[Symbol.asyncDispose]();
    }
  }
  return directory;
}

function ignoreMissing(error: unknown): undefined {
  if (!isCode(error, 'ENOENT')) throw error;
  return undefined;
}
