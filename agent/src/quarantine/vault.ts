import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '@quell/contracts/vocabulary';
import { z } from 'zod';
import { isCode } from '../confined/directory.ts';
import { syncFolder, writeDurably } from '../settings/durable-file.ts';
import { SealBroken, unseal } from './sealed-file.ts';

const nanoseconds = z.string().regex(/^-?\d+$/);

/** What is known of a file taken into quarantine: enough to put it back as it was. `nameBytes` is base64 of the path below `root`. */
export const manifest = z.object({
  version: z.literal(1),
  backupId: z.uuid(),
  taskId: z.uuid(),
  run: z.int(),
  threatId: z.string(),
  name: z.string(),
  root: z.string(),
  path: z.string(),
  nameBytes: z.base64(),
  sha256,
  bytes: z.number(),
  mode: z.int(),
  uid: z.int(),
  gid: z.int(),
  atimeNs: nanoseconds,
  mtimeNs: nanoseconds,
  /** Names the content had when it was taken; above 1 there were hard links. */
  links: z.int(),
  quarantinedAt: z.string(),
  /** Set once the content is back in place; the sealed copy is removed after that. */
  restoredAt: z.string().optional(),
});
export type Manifest = z.infer<typeof manifest>;

/** A vault whose key does not fit what it holds, or that cannot be written: the agent's component "quarantine" failed. */
export class VaultUnusable extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'VaultUnusable';
  }
}

/**
 * The folder of sealed copies: `<backupId>.sealed` and `<backupId>.json`. A backup exists when its manifest does; the manifest is
 * written last and only after the sealed copy was read back, so a crash leaves at most an unnamed remnant.
 */
export class Vault {
  private readonly folder: string;
  private readonly key: Buffer;

  private constructor(folder: string, key: Buffer) {
    this.folder = folder;
    this.key = key;
  }

  /** Opens the vault in the state folder; makes folder and key (mode 0700 and 0600) the first time. */
  static async open(stateDir: string): Promise<Vault> {
    const folder = join(stateDir, 'quarantine');
    const keyPath = join(stateDir, 'quarantine.key');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const key = await readFile(keyPath).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (key !== undefined && key.length === 32) return new Vault(folder, key);
    if (key !== undefined || (await readdir(folder)).some((name) => name.endsWith('.sealed'))) {
      // A new key would make every backup worthless without anybody having decided it.
      throw new VaultUnusable(
        `${keyPath} is ${key === undefined ? 'missing' : 'damaged'} while the quarantine is in use`,
      );
    }
    const fresh = randomBytes(32);
    await writeDurably(keyPath, fresh);
    return new Vault(folder, fresh);
  }

  get sealingKey(): Buffer {
    return this.key;
  }

  /** Makes the file that a copy is sealed into; an earlier remnant under this id is dropped. */
  async createSealed(backupId: string): Promise<FileHandle> {
    const { O_RDWR, O_CREAT, O_TRUNC } = constants;
    return open(this.partialPath(backupId), O_RDWR | O_CREAT | O_TRUNC, 0o600);
  }

  /** Gives a sealed and verified copy its name and its manifest, both durable when this returns. */
  async keep(entry: Manifest): Promise<void> {
    await rename(this.partialPath(entry.backupId), this.sealedPath(entry.backupId));
    await writeDurably(this.manifestPath(entry.backupId), JSON.stringify(entry));
  }

  /** The manifest of a backup; undefined when there is none. Throws SealBroken when it cannot be read as one. */
  async manifestOf(backupId: string): Promise<Manifest | undefined> {
    if (!z.uuid().safeParse(backupId).success) return undefined;
    const text = await readFile(this.manifestPath(backupId), 'utf8').catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    try {
      return manifest.parse(JSON.parse(text));
    } catch {
      throw new SealBroken('the manifest cannot be read');
    }
  }

  /** Backups of one task that were not put back yet, oldest first. Unreadable manifests are left out. */
  async restorableOf(taskId: string): Promise<Manifest[]> {
    const found: Manifest[] = [];
    for (const file of await readdir(this.folder)) {
      if (!file.endsWith('.json')) continue;
      const entry = await this.manifestOf(file.slice(0, -'.json'.length)).catch(() => undefined);
      if (entry?.taskId === taskId && entry.restoredAt === undefined) found.push(entry);
    }
    return found.sort((a, b) => a.quarantinedAt.localeCompare(b.quarantinedAt));
  }

  /** Opens the sealed copy; undefined when it is missing. */
  async openSealed(backupId: string): Promise<FileHandle | undefined> {
    return open(this.sealedPath(backupId), 'r').catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return undefined;
      throw error;
    });
  }

  /** Whether the sealed copy opens under the vault's key and is the content its manifest names. */
  async isIntact(entry: Manifest): Promise<boolean> {
    const sealed = await this.openSealed(entry.backupId);
    if (sealed === undefined) return false;
    try {
      return (await unseal(sealed, this.key, entry.backupId)).sha256 === entry.sha256;
    } catch (error) {
      if (error instanceof SealBroken) return false;
      throw error;
    } finally {
      await sealed.close();
    }
  }

  /** Notes that the content is back in place, then removes the sealed copy: it must be in exactly one place. */
  async markRestored(entry: Manifest, at: string): Promise<void> {
    if (entry.restoredAt === undefined) {
      await writeDurably(this.manifestPath(entry.backupId), JSON.stringify({ ...entry, restoredAt: at }));
    }
    await this.dropSealed(entry.backupId);
  }

  /** Forgets a backup and its remnants: nothing was taken out of the roots under this id. */
  async discard(backupId: string): Promise<void> {
    await rm(this.manifestPath(backupId), { force: true });
    await rm(this.partialPath(backupId), { force: true });
    await this.dropSealed(backupId);
  }

  /**
   * Puts right what a crash left: sealed copies of content that is back in place already, and copies that were never finished. Runs at
   * start, before anything else is done with the vault. A sealed copy whose manifest is missing stays: it may be the only one.
   */
  async repair(): Promise<void> {
    for (const file of await readdir(this.folder)) {
      if (file.endsWith('.partial') || file.endsWith('.json.new')) await unlink(join(this.folder, file));
      if (!file.endsWith('.sealed')) continue;
      const id = file.slice(0, -'.sealed'.length);
      const entry = await this.manifestOf(id).catch(() => undefined);
      if (entry?.restoredAt !== undefined) await this.dropSealed(id);
    }
    await syncFolder(this.folder);
  }

  private async dropSealed(backupId: string): Promise<void> {
    await rm(this.sealedPath(backupId), { force: true });
    await syncFolder(this.folder);
  }

  private partialPath(backupId: string): string {
    return join(this.folder, `${backupId}.partial`);
  }

  private sealedPath(backupId: string): string {
    return join(this.folder, `${backupId}.sealed`);
  }

  private manifestPath(backupId: string): string {
    return join(this.folder, `${backupId}.json`);
  }
}
