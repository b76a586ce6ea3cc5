import { sha256 } from '@quell/contracts/vocabulary';
import { z } from 'zod';
import { bytesBelowRoot, type Place, pathOf, type Root } from '../confined/roots.ts';

const inode = z.string().regex(/^\d+$/);

/** A file that a run is about to take into quarantine, as the journal keeps it: which content, at which place, under which inode. */
export const plannedItem = z.object({
  backupId: z.uuid(),
  threatId: z.string(),
  name: z.string(),
  root: z.string(),
  path: z.string(),
  /** Base64 of the exact path bytes below `root`. */
  nameBytes: z.base64(),
  device: inode,
  inode,
  sha256,
});
export type PlannedItem = z.infer<typeof plannedItem>;

/** What the agent saw of a file when it decided to take it. */
export interface Sighting {
  readonly place: Place;
  readonly device: bigint;
  readonly inode: bigint;
  readonly sha256: string;
  readonly name: string;
}

/** Writes a sighting down for the journal. */
export function planItem(sighting: Sighting, threatId: string, backupId: string): PlannedItem {
  return {
    backupId,
    threatId,
    name: sighting.name,
    root: sighting.place.root.real,
    path: pathOf(sighting.place),
    nameBytes: bytesBelowRoot(sighting.place).toString('base64'),
    device: String(sighting.device),
    inode: String(sighting.inode),
    sha256: sighting.sha256,
  };
}

/** The place a manifest or plan names; undefined when its root is none of the agent's or its names would leave it. */
export function placeOf(roots: readonly Root[], noted: { root: string; nameBytes: string }): Place | undefined {
  const root = roots.find(({ real }) => real === noted.root);
  const names = splitNames(Buffer.from(noted.nameBytes, 'base64'));
  const isWayDown = names.length > 0 && names.every((name) => !['', '.', '..'].includes(name.toString('latin1')));
  return root !== undefined && isWayDown ? { root, names } : undefined;
}

function splitNames(bytes: Buffer): Buffer[] {
  const names: Buffer[] = [];
  let from = 0;
  for (let cut = bytes.indexOf('/'); cut >= 0; cut = bytes.indexOf('/', from)) {
    names.push(bytes.subarray(from, cut));
    from = cut + 1;
  }
  return [...names, bytes.subarray(from)];
}
