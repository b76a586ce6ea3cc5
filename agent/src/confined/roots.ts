import { realpathSync } from 'node:fs';
import { isAbsolute, normalize, relative, resolve, sep } from 'node:path';
import { Directory } from './directory.ts';

/** A folder the agent may work in. `given` is what the command line said, `real` where it really is. */
export interface Root {
  readonly given: string;
  readonly real: string;
}

/** A place inside a root: the names from the root down, as bytes. No names = the root itself. */
export interface Place {
  readonly root: Root;
  readonly names: readonly Buffer[];
}

/** Takes the folders of `--root`, drops those inside another one. Throws when one does not exist (ENOENT) or is no folder. */
export function rootsOf(paths: readonly string[]): Root[] {
  const roots = paths.map((path) => ({ given: resolve(path), real: realpathSync(path) }));
  return roots.filter(
    ({ real }, index) =>
      !roots.some((other, at) => at !== index && isInside(other.real, real) && (other.real !== real || at < index)),
  );
}

/** Where a path from a task lies inside the roots, by its text alone; undefined when outside. Links are met by `openParent`. */
export function locate(roots: readonly Root[], path: string): Place | undefined {
  if (!isAbsolute(path) || path.includes('\0')) return undefined;
  const clean = normalize(path);
  for (const root of roots) {
    for (const base of [root.real, root.given]) {
      if (!isInside(base, clean)) continue;
      const names = relative(base, clean).split(sep);
      return { root, names: names.filter((name) => name !== '').map((name) => Buffer.from(name)) };
    }
  }
  return undefined;
}

/** Whether `path` is `folder` or lies in it, both absolute. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

/** The place's path as text, for reports. */
export function pathOf({ root, names }: Place): string {
  return [root.real === sep ? '' : root.real, ...names.map((name) => name.toString('utf8'))].join(sep) || sep;
}

/** The place's exact bytes below its root, for the manifest. */
export function bytesBelowRoot({ names }: Place): Buffer {
  return Buffer.concat(names.flatMap((name, index) => (index === 0 ? [name] : [Buffer.from('/'), name])));
}

/**
 * Opens the directory that holds a place, one component at a time from the root, following no link.
 *
 * @throws NotConfined when a component is a symbolic link or no directory; ENOENT when one is missing.
 */
export async function openParent({ root, names }: Place): Promise<Directory> {
  let directory = await Directory.openRoot(root.real);
  for (const name of names.slice(0, -1)) {
    const parent = directory;
    try {
      directory = await parent.openDirectory(name);
    } finally {
      await parent[Symbol.asyncDispose]();
    }
  }
  return directory;
}

/** The last name of a place. Throws when the place is the root itself. */
export function lastName({ names }: Place): Buffer {
  const last = names.at(-1);
  if (last === undefined) throw new Error('a root has no name inside itself');
  return last;
}
