import type { DeviceQuery } from '@quell/contracts/device-query';
import {
  capabilityMask,
  type FoldedDevice,
  foldDevice,
  matchesText,
  passesOtherFilters,
} from '@quell/device-query/match';
import type { MatchLevel, QueryText, QueryWord } from '@quell/device-query/parse-query';
import { rankOf } from '@quell/device-query/rank';
import { idTolerance, wordTolerance } from '@quell/device-query/typos';
import { LRUCache } from 'lru-cache';
import type { IndexedDevice } from './indexed-device.ts';

/** A device that changed after the base was built. */
export interface DeltaEntry {
  device: IndexedDevice;
  readonly folded: FoldedDevice;
  readonly mask: number;
  /** Every text that a word can be a piece of, so that most devices are ruled out by one look. */
  readonly pieces: string;
}

function deltaEntry(device: IndexedDevice): DeltaEntry {
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

/** A changed device that matches, and the place of its class. */
export interface DeltaMatch {
  readonly entry: DeltaEntry;
  readonly rank: number;
}

/** Which slots matched some words, of those up to `upTo`. */
interface Remembered {
  readonly slots: readonly number[];
  readonly ranks: readonly number[];
  readonly upTo: number;
}

/** How many matches are remembered, of all words together. */
const rememberedMatches = 200_000;

/**
 * The devices that changed after the base was built. Each change takes a new slot and empties the one before, so what was found once
 * stays found, and only the slots since then are looked at again.
 */
export class Delta {
  #slots: (DeltaEntry | undefined)[] = [];
  readonly #slotOf = new Map<string, number>();
  readonly #remembered = new LRUCache<string, Remembered>({
    maxSize: rememberedMatches,
    sizeCalculation: ({ slots }) => slots.length + 16,
  });

  get size(): number {
    return this.#slotOf.size;
  }

  get(id: string): DeltaEntry | undefined {
    const slot = this.#slotOf.get(id);
    return slot === undefined ? undefined : this.#slots[slot];
  }

  set(device: IndexedDevice): void {
    this.delete(device.id);
    if (this.#slots.length > 2 * this.size + 1024) this.#close();
    this.#slotOf.set(device.id, this.#slots.length);
    this.#slots.push(deltaEntry(device));
  }

  delete(id: string): void {
    const slot = this.#slotOf.get(id);
    if (slot === undefined) return;
    this.#slots[slot] = undefined;
    this.#slotOf.delete(id);
  }

  clear(): void {
    this.#slots = [];
    this.#slotOf.clear();
    this.#remembered.clear();
  }

  devices(): IndexedDevice[] {
    return this.#slots.flatMap((entry) => (entry === undefined ? [] : [entry.device]));
  }

  /** Moves the slots together. */
  #close(): void {
    this.#slots = this.#slots.filter((entry) => entry !== undefined);
    for (const [slot, entry] of this.#slots.entries()) this.#slotOf.set(entry!.device.id, slot);
    this.#remembered.clear();
  }

  /** @returns the devices that match the text and every filter but the features. */
  find(query: DeviceQuery, text: QueryText, level: MatchLevel): DeltaMatch[] {
    const { slots, ranks } = this.#matching(`${level} ${query.q}`, text, level);
    const filtered = query.group.length + query.platform.length + query.model.length + query.tag.length > 0;
    const found: DeltaMatch[] = [];
    for (let at = 0; at < slots.length; at++) {
      const entry = this.#slots[slots[at]!];
      if (entry === undefined || (filtered && !passesOtherFilters(query, entry.device))) continue;
      found.push({ entry, rank: ranks[at]! });
    }
    return found;
  }

  #matching(key: string, text: QueryText, level: MatchLevel): Remembered {
    const known = this.#remembered.get(key);
    if (known?.upTo === this.#slots.length) return known;
    const slots = known === undefined ? [] : [...known.slots];
    const ranks = known === undefined ? [] : [...known.ranks];
    // A word that may hold typos need not be there as it was typed.
    const forgives = (word: QueryWord) =>
      level === 'typos' && Math.max(wordTolerance(word).edits, idTolerance(word).edits) > 0;
    const words = text.kind === 'words' ? text.words.filter((word) => !forgives(word)) : [];
    for (let slot = known?.upTo ?? 0; slot < this.#slots.length; slot++) {
      const entry = this.#slots[slot];
      if (entry === undefined) continue;
      const { pieces, folded } = entry;
      const may = words.every((word) => {
        return pieces.includes(word.folded) || (word.address !== undefined && pieces.includes(word.address));
      });
      if (!may || !matchesText(text, folded, level)) continue;
      slots.push(slot);
      ranks.push(rankOf(text, folded, level));
    }
    const matching = { slots, ranks, upTo: this.#slots.length };
    this.#remembered.set(key, matching);
    return matching;
  }
}
