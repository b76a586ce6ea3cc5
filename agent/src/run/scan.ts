import { isCode, NotConfined } from '../confined/directory.ts';
import { isInside, locate, type Place, pathOf, type Root } from '../confined/roots.ts';
import { type WalkedFile, walk } from '../confined/walk.ts';
import { examine } from '../detect/examine.ts';
import { QUERY_BATCH } from '../detect/scan-query.ts';
import type { Sighting } from '../quarantine/planned-item.ts';
import type { Prepared } from './prepare.ts';
import type { RunControl, RunEnvironment } from './run-environment.ts';

/** Which folders a scan goes through, and the asked-for paths that lie outside the roots. */
export function placesToScan(
  paths: readonly string[] | undefined,
  roots: readonly Root[],
  { configuration }: Prepared,
): { places: Place[]; outside: string[] } {
  if (paths !== undefined && paths.length > 0) {
    const located = paths.map((path) => ({ path, place: locate(roots, path) }));
    return {
      places: located.flatMap(({ place }) => (place === undefined ? [] : [place])),
      outside: located.flatMap(({ path, place }) => (place === undefined ? [path] : [])),
    };
  }
  // The server may narrow what is scanned. It cannot widen it: the command line owns the roots.
  const narrowed = (configuration.roots ?? []).flatMap((path) => locate(roots, path) ?? []);
  const whole = roots.map((root) => ({ root, names: [] }));
  return { places: configuration.roots === undefined ? whole : narrowed, outside: [] };
}

/** Goes through all files of some places, once each, and returns those that hold a threat. */
export async function scan(
  places: readonly Place[],
  prepared: Prepared,
  environment: Pick<RunEnvironment, 'log'>,
  control: RunControl,
): Promise<Sighting[]> {
  const apart = places.filter(
    (place, index) =>
      !places.some((other, at) => at !== index && holds(other, place) && (at < index || !holds(place, other))),
  );
  const hits: Sighting[] = [];
  let undecided: Sighting[] = [];
  const decide = async () => {
    const names = await prepared.query?.ask(undecided.map(({ sha256 }) => sha256));
    for (const file of undecided) {
      const name = names?.get(file.sha256);
      if (name !== undefined) hits.push({ ...file, name });
    }
    undecided = [];
  };
  for (const [index, place] of apart.entries()) {
    const unreadable = (what: { place: Place; error: string }) =>
      environment.log(`not scanned: ${pathOf(what.place)}: ${what.error}`);
    for await (const file of walk(place.root, place.names, unreadable)) {
      control.signal.throwIfAborted();
      control.report('scanning', (100 * (index + file.fraction)) / apart.length);
      const seen = await look(file, prepared, control).catch((error: unknown) => {
        control.signal.throwIfAborted();
        if (!isCode(error, 'ENOENT') && !(error instanceof NotConfined)) {
          unreadable({ place: file.place, error: (error as Error).message });
        }
        return undefined;
      });
      if (seen === undefined) continue;
      if (seen.name !== '') hits.push(seen);
      else if (prepared.query !== undefined) undecided.push(seen);
      if (undecided.length >= QUERY_BATCH) await decide();
    }
  }
  await decide();
  return hits;
}

/** Looks into one walked file; its name is '' when nothing local knows it. Undefined when it is not the walked file any more. */
async function look(file: WalkedFile, { rules }: Prepared, control: RunControl): Promise<Sighting | undefined> {
  const handle = await file.directory.openFile(file.name);
  try {
    const { dev, ino } = await handle.stat({ bigint: true });
    if (dev !== file.stat.dev || ino !== file.stat.ino) return undefined;
    const { sha256, hit } = await examine(handle, rules, control.signal);
    return { place: file.place, device: dev, inode: ino, sha256, name: hit ?? '' };
  } finally {
    await handle.close();
  }
}

function holds(outer: Place, inner: Place): boolean {
  return isInside(pathOf(outer), pathOf(inner));
}
