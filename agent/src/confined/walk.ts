import type { BigIntStats } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { Directory, isCode, NotConfined } from './directory.ts';
import type { Place, Root } from './roots.ts';

/** A regular file met on a walk, with the directory it is in still open. `fraction` (0–1) is how much of the walk lies behind. */
export interface WalkedFile {
  readonly place: Place;
  readonly directory: Directory;
  readonly name: Buffer;
  readonly stat: BigIntStats;
  readonly fraction: number;
}

/** A place the walk could not read. */
export interface Unreadable {
  readonly place: Place;
  readonly error: string;
}

/** Kernel file systems hold no files anybody stored: proc, sysfs, debugfs, tracefs, cgroup, cgroup2, securityfs, bpf. */
const PSEUDO = new Set([0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x27e0eb, 0x63677270, 0x73636673, 0xcafe4a11]);

/**
 * Every regular file under a place, in byte order of names. Follows no symbolic link: each directory is opened from its open parent,
 * so that a directory swapped for a link in mid-walk is not entered. Files that vanish are passed over; what cannot be read goes to
 * `unreadable`.
 */
export async function* walk(
  root: Root,
  below: readonly Buffer[],
  unreadable: (what: Unreadable) => void,
): AsyncGenerator<WalkedFile> {
  await using top = await Directory.openRoot(root.real);
  const [first, ...rest] = below;
  if (first === undefined) yield* walkDirectory(top, { root, names: [] }, 0, 1, unreadable);
  else yield* walkEntry(top, first, rest, { root, names: [first] }, 0, 1, unreadable);
}

async function* walkDirectory(
  directory: Directory,
  place: Place,
  from: number,
  to: number,
  unreadable: (what: Unreadable) => void,
): AsyncGenerator<WalkedFile> {
  const names = await directory.names();
  const share = (to - from) / Math.max(1, names.length);
  for (const [index, name] of names.entries()) {
    const at = { root: place.root, names: [...place.names, name] };
    yield* walkEntry(directory, name, [], at, from + index * share, from + (index + 1) * share, unreadable);
  }
}

async function* walkEntry(
  directory: Directory,
  name: Buffer,
  way: readonly Buffer[],
  place: Place,
  from: number,
  to: number,
  unreadable: (what: Unreadable) => void,
): AsyncGenerator<WalkedFile> {
  try {
    const stat = await directory.stat(name);
    if (stat.isFile() && way.length === 0) {
      yield { place, directory, name, stat, fraction: from };
      return;
    }
    if (!stat.isDirectory()) return;
    await using inner = await directory.openDirectory(name);
    if (inner.device !== directory.device && PSEUDO.has((await statfs(inner.openedAt)).type)) return;
    const [next, ...rest] = way;
    if (next === undefined) yield* walkDirectory(inner, place, from, to, unreadable);
    else yield* walkEntry(inner, next, rest, { ...place, names: [...place.names, next] }, from, to, unreadable);
  } catch (error) {
    // Gone, or swapped for a link since it was listed: either way it is not ours to enter.
    if (isCode(error, 'ENOENT') || error instanceof NotConfined) return;
    if ((error as { code?: unknown }).code === undefined) throw error;
    unreadable({ place, error: (error as Error).message });
  }
}
