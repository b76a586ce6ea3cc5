import type { DeviceQuery } from '@quell/contracts/device-query';
import {
  capabilityMask,
  type FoldedDevice,
  foldDevice,
  matchesText,
  passesOtherFilters,
} from '@quell/device-query/match';
import type { MatchLevel, QueryText, QueryWord } from '@quell/device-query/parse-query';
import { idTolerance, wordTolerance } from '@quell/device-query/typos';
import type { IndexedDevice } from './indexed-device.ts';

/** A device that changed after the base was built. */
export interface DeltaEntry {
  device: IndexedDevice;
  readonly folded: FoldedDevice;
  readonly mask: number;
  /** Every text that a word can be a piece of, so that most devices are ruled out by one look. */
  readonly pieces: string;
}

export function deltaEntry(device: IndexedDevice): DeltaEntry {
  const folded = foldDevice(device);
  const { id, label, model, hostnames, macs, ips } = folded;
  const values = [id, label, model, ...hostnames].map(({ joined }) => joined);
  return {
    device,
    folded,
    mask: capabilityMask(device.capabilities),
    pieces: [...values, ...macs, ...ips].join('\n'),
  };
}

/** @returns the devices of the delta that match the text and every filter but the features. */
export function findInDelta(
  entries: Iterable<DeltaEntry>,
  query: DeviceQuery,
  text: QueryText,
  level: MatchLevel,
): DeltaEntry[] {
  const filtered = query.group.length + query.platform.length + query.model.length + query.tag.length > 0;
  // A word that may hold typos need not be there as it was typed.
  const forgives = (word: QueryWord) =>
    level === 'typos' && Math.max(wordTolerance(word).edits, idTolerance(word).edits) > 0;
  const words = text.kind === 'words' ? text.words.filter((word) => !forgives(word)) : [];
  const found: DeltaEntry[] = [];
  for (const entry of entries) {
    const { pieces } = entry;
    const may = words.every(({ folded, address }) => {
      return pieces.includes(folded) || (address !== undefined && pieces.includes(address));
    });
    if (!may || (filtered && !passesOtherFilters(query, entry.device))) continue;
    if (matchesText(text, entry.folded, level)) found.push(entry);
  }
  return found;
}
