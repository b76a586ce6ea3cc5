import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { type Directory, isCode, NotConfined } from '../confined/directory.ts';
import { lastName, openParent, type Root } from '../confined/roots.ts';
import { examine } from '../detect/examine.ts';
import { type PlannedItem, placeOf } from './planned-item.ts';
import { MAX_SEALED_BYTES, SinkFailed, seal } from './sealed-file.ts';
import { type Vault, VaultUnusable } from './vault.ts';

/**
 * What became of one file. `linksLeft`: other names under which the same content can still be reached. `failed` leaves the file where
 * it is and nothing in the vault.
 */
export type Taken =
  | { readonly outcome: 'taken'; readonly linksLeft: number }
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'failed'; readonly error: string };

export interface TakeContext {
  readonly roots: readonly Root[];
  readonly vault: Vault;
  readonly taskId: string;
  readonly run: number;
  /** RFC 3339. */
  readonly now: string;
  readonly signal?: AbortSignal;
  readonly log?: (line: string) => void;
}

const NO_RULES = { hashes: new Map<string, string>(), patterns: [] };

/**
 * Moves one planned file into the vault: sealed copy, fsync, read back, manifest, a second look, unlink, fsync of the folder. Doing it
 * again after a crash at any point ends the same: with a manifest only the removal is left, without one it starts over.
 *
 * @throws VaultUnusable when the vault cannot be written; the signal's reason when stopped before the copy was complete
 */
export async function take(item: PlannedItem, context: TakeContext): Promise<Taken> {
  const place = placeOf(context.roots, item);
  if (place === undefined) return { outcome: 'failed', error: 'outside-root' };
  const kept = await context.vault.manifestOf(item.backupId).catch(() => undefined);
  const isIntact = kept !== undefined && (await context.vault.isIntact(kept));
  try {
    await using directory = await openParent(place);
    const file = await directory.openFile(lastName(place));
    try {
      return isIntact
        ? await removeKept(item, context, directory, lastName(place), file)
        : await copyAndRemove(item, context, directory, lastName(place), file);
    } finally {
      // Read only: closing it can lose nothing, and must not hide what was done.
      await file.close().catch(() => {});
    }
  } catch (error) {
    if (error instanceof VaultUnusable || context.signal?.aborted) throw error;
    const isLink = error instanceof NotConfined || isCode(error, 'ELOOP');
    // A manifest and no file: it was removed before the crash.
    if (kept !== undefined && (isLink || isCode(error, 'ENOENT'))) return { outcome: 'taken', linksLeft: 0 };
    if (isCode(error, 'ENOENT')) return { outcome: 'absent' };
    if (kept !== undefined) await context.vault.discard(item.backupId);
    return { outcome: 'failed', error: isLink ? 'changed: a link' : (error as Error).message };
  }
}

async function copyAndRemove(
  item: PlannedItem,
  context: TakeContext,
  directory: Directory,
  name: Buffer,
  file: FileHandle,
): Promise<Taken> {
  const { vault } = context;
  const before = await file.stat({ bigint: true });
  if (!before.isFile() || !isSameFile(item, before)) return { outcome: 'failed', error: 'changed: another file' };
  if (before.size > MAX_SEALED_BYTES) return { outcome: 'failed', error: 'too-large to keep a backup' };
  try {
    await keepCopy(item, context, file, before);
    const after = await file.stat({ bigint: true });
    const named = await directory.stat(name);
    if (!isUntouched(before, after) || !isSameFile(item, named)) throw new Changed();
    await directory.unlink(name);
  } catch (error) {
    await vault.discard(item.backupId);
    if (error instanceof Changed) return { outcome: 'failed', error: 'changed: its content or name' };
    throw error;
  }
  return removed(item, context, directory, file);
}

/**
 * The name is gone, so the backup is all there is: whatever fails from here on, it has to be kept and reported. Should the removal not
 * survive a power failure, the file is there again, and a backup too many.
 */
async function removed(
  item: PlannedItem,
  { log }: TakeContext,
  directory: Directory,
  file: FileHandle,
): Promise<Taken> {
  await directory
    .sync()
    .catch((error: Error) => log?.(`${item.path}: its removal may not be durable: ${error.message}`));
  const links = await file.stat().then(
    ({ nlink }) => Number(nlink),
    () => 0,
  );
  return { outcome: 'taken', linksLeft: links };
}

async function keepCopy(
  item: PlannedItem,
  { vault, taskId, run, now, signal }: TakeContext,
  file: FileHandle,
  stat: BigIntStats,
): Promise<void> {
  try {
    const sealed = await vault.createSealed(item.backupId);
    try {
      const copied = await seal(file, sealed, vault.sealingKey, item.backupId, signal);
      if (copied.sha256 !== item.sha256) throw new Changed();
      await sealed.sync();
    } finally {
      await sealed.close();
    }
    const { backupId, threatId, name, root, path, nameBytes, sha256 } = item;
    const entry = {
      ...{ version: 1 as const, backupId, taskId, run, threatId, name, root, path, nameBytes, sha256 },
      ...{ bytes: Number(stat.size), mode: Number(stat.mode & 0o7777n), uid: Number(stat.uid), gid: Number(stat.gid) },
      ...{
        atimeNs: String(stat.atimeNs),
        mtimeNs: String(stat.mtimeNs),
        links: Number(stat.nlink),
        quarantinedAt: now,
      },
    };
    await vault.keep(entry);
    if (!(await vault.isIntact(entry))) throw new VaultUnusable('a sealed copy did not read back as it was written');
  } catch (error) {
    const isOurs = error instanceof SinkFailed || isCode(error, 'ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EACCES');
    if (isOurs) throw new VaultUnusable((error as Error).message);
    throw error;
  }
}

/** After a crash: the copy is safe, so only the very file it was made of, with the very content, is removed. */
async function removeKept(
  item: PlannedItem,
  context: TakeContext,
  directory: Directory,
  name: Buffer,
  file: FileHandle,
): Promise<Taken> {
  const opened = await file.stat({ bigint: true });
  const isOriginal =
    opened.isFile() && isSameFile(item, opened) && (await examine(file, NO_RULES)).sha256 === item.sha256;
  // Something else stands at the path now: what we took is not there any more, and this is not ours to remove.
  if (!isOriginal || !isSameFile(item, await directory.stat(name))) return { outcome: 'taken', linksLeft: 0 };
  await directory.unlink(name);
  return removed(item, context, directory, file);
}

class Changed extends Error {}

function isSameFile(item: PlannedItem, stat: BigIntStats): boolean {
  return String(stat.dev) === item.device && String(stat.ino) === item.inode;
}

function isUntouched(before: BigIntStats, after: BigIntStats): boolean {
  return before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;
}
