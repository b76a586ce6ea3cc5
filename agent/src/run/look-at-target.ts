import { lstat, realpath } from 'node:fs/promises';
import type { Target } from '@quell/contracts/run-payload';
import { type Directory, isCode, NotConfined } from '../confined/directory.ts';
import { isInside, lastName, locate, openParent, type Place, type Root } from '../confined/roots.ts';
import { examine } from '../detect/examine.ts';
import type { Verdict } from './findings.ts';
import type { Prepared } from './prepare.ts';
import type { RunControl } from './run-environment.ts';

/** Other security software that moved a file away leaves `<file>.quarantined-by-<product>` beside it. */
const MARKER = '.quarantined-by-';

/**
 * Looks at the one path a target names. A file there is the threat when its content has the target's digest, or a rule or the scan
 * query service knows it; otherwise it was examined and is clean. Nothing there: gone, or handled when a marker says by whom.
 */
export async function lookAtTarget(
  target: Target & { path: string },
  roots: readonly Root[],
  prepared: Prepared,
  control: RunControl,
): Promise<Verdict> {
  const place = locate(roots, target.path);
  if (place === undefined) return { is: 'failed', error: 'outside-root' };
  if (place.names.length === 0) return { is: 'failed', error: 'not-a-file' };
  try {
    await using parent = await openParent(place);
    return await lookInto(parent, place, target, roots, prepared, control);
  } catch (error) {
    control.signal.throwIfAborted();
    if (error instanceof NotConfined) return throughLink(error.place, roots);
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return rootStands(place.root);
    return { is: 'failed', error: (error as Error).message };
  }
}

async function lookInto(
  parent: Directory,
  place: Place,
  target: Target & { path: string },
  roots: readonly Root[],
  { rules, query }: Prepared,
  control: RunControl,
): Promise<Verdict> {
  const name = lastName(place);
  const stat = await parent.stat(name).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (stat === undefined) return (await handledBy(parent, name)) ?? { is: 'gone' };
  if (stat.isSymbolicLink()) return throughLink(target.path, roots);
  if (!stat.isFile()) return { is: 'failed', error: 'not-a-file' };
  const handle = await parent.openFile(name);
  try {
    const { dev, ino, size } = await handle.stat({ bigint: true });
    if (dev !== stat.dev || ino !== stat.ino) return { is: 'failed', error: 'changed: another file' };
    const report = (bytes: number) => control.report('examining', (100 * bytes) / Math.max(1, Number(size)));
    const { sha256, hit } = await examine(handle, rules, control.signal, report);
    const known = sha256 === target.sha256 ? (target.name ?? hit ?? 'Reported threat') : hit;
    const isThreat = known ?? (await query?.ask([sha256]))?.get(sha256);
    if (isThreat === undefined) return { is: 'clean' };
    return { is: 'present', sightings: [{ place, device: dev, inode: ino, sha256, name: isThreat }] };
  } finally {
    await handle.close();
  }
}

async function handledBy(parent: Directory, name: Buffer): Promise<Verdict | undefined> {
  const prefix = Buffer.concat([name, Buffer.from(MARKER)]);
  for (const other of await parent.names()) {
    if (other.length <= prefix.length || !other.subarray(0, prefix.length).equals(prefix)) continue;
    if ((await parent.stat(other)).isFile()) {
      return { is: 'handled', by: other.subarray(prefix.length).toString('utf8').slice(0, 256) };
    }
  }
  return undefined;
}

/** A path through a link is never followed; where the link leads says how to call that. */
async function throughLink(component: string, roots: readonly Root[]): Promise<Verdict> {
  const stat = await lstat(component).catch(() => undefined);
  // A file where the path needs a folder: nothing can be at that path.
  if (stat?.isSymbolicLink() === false) return { is: 'gone' };
  const real = await realpath(component).catch(() => undefined);
  const isOutside = real !== undefined && !roots.some((root) => isInside(root.real, real));
  return { is: 'failed', error: isOutside ? 'outside-root' : 'link-not-followed' };
}

/** "Gone" may only be said while the root itself can be seen: an unmounted disk has lost nothing. */
async function rootStands(root: Root): Promise<Verdict> {
  const isThere = await realpath(root.real).then(
    () => true,
    () => false,
  );
  return isThere ? { is: 'gone' } : { is: 'failed', error: `the root ${root.given} cannot be opened` };
}
