import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { Directory } from '../src/confined/directory.ts';
import { locate, type Place, rootsOf } from '../src/confined/roots.ts';
import { walk } from '../src/confined/walk.ts';
import { type PlannedItem, planItem } from '../src/quarantine/planned-item.ts';
import { restore } from '../src/quarantine/restore.ts';
import { SealBroken, seal, unseal } from '../src/quarantine/sealed-file.ts';
import { take } from '../src/quarantine/take.ts';
import { Vault } from '../src/quarantine/vault.ts';
import { EICAR, EICAR_SHA256, Playground, sha256Of } from './fixtures.ts';

const NOW = '2026-01-01T00:00:00.000Z';

let place: Playground;
let vault: Vault;

beforeEach(async () => {
  place = await Playground.make();
  await mkdir(place.state, { mode: 0o700 });
  vault = await Vault.open(place.state);
});
afterEach(() => place.dispose());

const roots = () => rootsOf([place.root]);
const context = () => ({ roots: roots(), vault, taskId: randomUUID(), run: 1, now: NOW });

async function plan(path: string, content: string | Uint8Array): Promise<PlannedItem> {
  const { dev, ino } = await stat(path, { bigint: true });
  const where = locate(roots(), path) as Place;
  const sighting = { place: where, device: dev, inode: ino, sha256: sha256Of(content), name: 'Test' };
  return planItem(sighting, 'threat', randomUUID());
}

test('quarantine and restore give back the same bytes, mode and time, whatever they were', async () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.nat(700_000).map((size) => new Uint8Array(size).fill(7)),
  );
  const seconds = fc.integer({ min: 1, max: 4_000_000_000 });
  await fc.assert(
    fc.asyncProperty(content, fc.integer({ min: 0, max: 0o7777 }), seconds, async (bytes, mode, mtime) => {
      const path = await place.put('root/sub/file.bin', bytes);
      await utimes(path, mtime, mtime);
      await chmod(path, mode);
      const before = await stat(path);
      const item = await plan(path, bytes);
      expect(await take(item, context())).toEqual({ outcome: 'taken', linksLeft: 0 });
      await expect(stat(path)).rejects.toThrow('ENOENT');
      expect(await restore(item.backupId, { roots: roots(), vault, now: NOW })).toMatchObject({ restored: true });
      const after = await stat(path);
      expect([after.mode, after.mtimeMs, after.uid, after.size]).toEqual([
        before.mode,
        before.mtimeMs,
        before.uid,
        bytes.length,
      ]);
      expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
      await rm(path);
    }),
    { numRuns: 40 },
  );
});

/** Makes the disk fail whenever a folder is to be made durable. */
function failingSync(): Disposable {
  const { sync } = Directory.prototype;
  Directory.prototype.sync = () => Promise.reject(new Error('EIO: i/o error, fsync'));
  return {
    [Symbol.dispose]() {
      Directory.prototype.sync = sync;
    },
  };
}

test('a file that was removed is taken, with its backup, even when its folder cannot be made durable', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const log: string[] = [];
  const item = await plan(path, EICAR);
  {
    using _ = failingSync();
    expect(await take(item, { ...context(), log: (line) => void log.push(line) })).toMatchObject({ outcome: 'taken' });
  }
  await expect(stat(path)).rejects.toThrow('ENOENT');
  expect(await restore(item.backupId, { roots: roots(), vault, now: NOW })).toMatchObject({ restored: true });
  expect(log).toEqual([expect.stringContaining('EIO')]);
});

test('after a crash between copy and removal too, a failing disk costs no backup', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const item = await plan(path, EICAR);
  expect(await take(item, context())).toMatchObject({ outcome: 'taken' });
  // The very inode is gone; as if the removal had not survived, the copy stands there under a new one.
  await writeFile(path, EICAR);
  const { dev, ino } = await stat(path, { bigint: true });
  using _ = failingSync();
  expect(await take({ ...item, device: String(dev), inode: String(ino) }, context())).toMatchObject({
    outcome: 'taken',
  });
  await expect(stat(path)).rejects.toThrow('ENOENT');
  expect(await vault.manifestOf(item.backupId)).toMatchObject({ sha256: EICAR_SHA256 });
});

test('taking twice and restoring twice end as once', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const item = await plan(path, EICAR);
  for (const _ of [1, 2]) expect(await take(item, context())).toMatchObject({ outcome: 'taken' });
  for (const _ of [1, 2]) {
    expect(await restore(item.backupId, { roots: roots(), vault, now: NOW })).toEqual({
      id: item.backupId,
      restored: true,
    });
  }
  expect(await place.copiesOf(EICAR_SHA256)).toEqual([path]);
});

test('a file in two places after a crash between copy and removal is in one after the item is settled', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const item = await plan(path, EICAR);
  await take(item, context());
  // What the crash left: the sealed copy is complete, the original was not removed yet.
  await place.put('root/eicar.com', EICAR);
  const again = { ...item, inode: String((await stat(path, { bigint: true })).ino) };
  expect(await take(again, context())).toMatchObject({ outcome: 'taken' });
  expect(await place.copiesOf(EICAR_SHA256)).toEqual([]);
});

test('an item is taken over what a crash before its manifest left in the vault', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const item = await plan(path, EICAR);
  await place.put(`state/quarantine/${item.backupId}.partial`, 'half a copy');
  await place.put(`state/quarantine/${item.backupId}.sealed`, 'a copy without a manifest');
  await vault.repair();
  expect(await take(item, context())).toMatchObject({ outcome: 'taken' });
  expect(await restore(item.backupId, { roots: roots(), vault, now: NOW })).toMatchObject({ restored: true });
  expect(await readFile(path, 'utf8')).toBe(EICAR);
});

test('what came to the path after the file was taken is not removed in its place', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const item = await plan(path, EICAR);
  await take(item, context());
  await writeFile(path, 'new work of the user');
  expect(await take(item, context())).toMatchObject({ outcome: 'taken' });
  expect(await readFile(path, 'utf8')).toBe('new work of the user');
});

test('a file that changed between look and act stays, and no backup is left of it', async () => {
  const path = await place.put('root/file', 'seen');
  const rewritten = await plan(path, 'seen');
  await writeFile(path, 'else');
  expect(await take(rewritten, context())).toMatchObject({
    outcome: 'failed',
    error: expect.stringContaining('changed'),
  });
  const replaced = await plan(path, 'else');
  // Kept beside, so that the new file cannot get the old one's inode.
  await rename(path, join(place.root, 'aside'));
  await writeFile(path, 'else');
  expect(await take(replaced, context())).toMatchObject({ outcome: 'failed', error: 'changed: another file' });
  expect(await readFile(path, 'utf8')).toBe('else');
  expect(await vault.manifestOf(rewritten.backupId)).toBeUndefined();
});

test('a restore never replaces what stands at the path, and takes away its own remnant of a crash', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const item = await plan(path, EICAR);
  await take(item, context());
  await place.put(`root/.quell-restore-${item.backupId}`, EICAR.slice(0, 20));
  await writeFile(path, 'occupied');
  const refused = await restore(item.backupId, { roots: roots(), vault, now: NOW });
  expect(refused).toMatchObject({ restored: false, reason: 'other', detail: expect.stringContaining('path-occupied') });
  expect(await readFile(path, 'utf8')).toBe('occupied');
  await unlink(path);
  expect(await restore(item.backupId, { roots: roots(), vault, now: NOW })).toMatchObject({ restored: true });
  expect(await place.copiesOf(EICAR_SHA256)).toEqual([path]);
});

test('a folder swapped for a link in mid-walk is not entered', async () => {
  await place.put('root/a/first', 'x');
  await place.put('root/b/second', 'x');
  await place.put('outside/second', 'x');
  const seen: string[] = [];
  const [root] = roots();
  for await (const { place: file } of walk(root!, [], () => {})) {
    seen.push(file.names.map(String).join('/'));
    if (seen.length > 1) continue;
    // The walk has listed the root and stands in `a`; `b` is still ahead of it.
    await rename(join(place.root, 'b'), join(place.root, 'c'));
    await symlink(place.outside, join(place.root, 'b'));
  }
  expect(seen).toEqual(['a/first']);
});

test('a folder swapped for a link between look and act leads neither quarantine nor restore out', async () => {
  const path = await place.put('root/sub/eicar.com', EICAR);
  const outside = await place.put('outside/eicar.com', EICAR);
  const item = await plan(path, EICAR);
  const swap = async () => {
    await rename(join(place.root, 'sub'), join(place.root, 'moved'));
    await symlink(place.outside, join(place.root, 'sub'));
  };
  const swapBack = async () => {
    await unlink(join(place.root, 'sub'));
    await rename(join(place.root, 'moved'), join(place.root, 'sub'));
  };
  await swap();
  expect(await take(item, context())).toMatchObject({ outcome: 'failed', error: 'changed: a link' });
  expect(await readFile(outside, 'utf8')).toBe(EICAR);
  await swapBack();
  expect(await take(item, context())).toMatchObject({ outcome: 'taken' });
  await unlink(outside);
  await swap();
  const refused = await restore(item.backupId, { roots: roots(), vault, now: NOW });
  expect(refused).toMatchObject({ restored: false, reason: 'other', detail: expect.stringContaining('not-followed') });
  expect(await place.copiesOf(EICAR_SHA256)).toEqual([]);
});

test('a backup passed off as another does not open', async () => {
  const [one, two] = [await place.put('root/1', 'one'), await place.put('root/2', 'two')];
  const items = [await plan(one, 'one'), await plan(two, 'two')];
  for (const item of items) await take(item, context());
  const sealed = (index: number) => join(place.state, 'quarantine', `${items[index]?.backupId}.sealed`);
  await rename(sealed(0), sealed(1));
  const swapped = await restore(items[1]?.backupId ?? '', { roots: roots(), vault, now: NOW });
  expect(swapped).toMatchObject({ restored: false, reason: 'backup-corrupted' });
  const robbed = await restore(items[0]?.backupId ?? '', { roots: roots(), vault, now: NOW });
  expect(robbed).toMatchObject({ restored: false, reason: 'backup-missing' });
});

test('a sealed copy opens under its own id and key only, and not when cut short', async () => {
  const [source, sink] = [await place.put('plain', 'payload'), await place.put('sealed', '')];
  const key = Buffer.alloc(32, 1);
  const [from, to] = [await open(source, 'r'), await open(sink, 'r+')];
  try {
    expect(await seal(from, to, key, 'one')).toEqual({ sha256: sha256Of('payload'), bytes: 7 });
    expect(await unseal(to, key, 'one')).toEqual({ sha256: sha256Of('payload'), bytes: 7 });
    await expect(unseal(to, key, 'other')).rejects.toThrow(SealBroken);
    await expect(unseal(to, Buffer.alloc(32, 2), 'one')).rejects.toThrow(SealBroken);
    await to.truncate(10);
    await expect(unseal(to, key, 'one')).rejects.toThrow(SealBroken);
  } finally {
    await from.close();
    await to.close();
  }
});
