import { facetValueLimit } from '@quell/device-query/facets';
import { passesFeatures } from '@quell/device-query/match';
import type { DocSet } from './bits.ts';
import { listLength } from './posting-lists.ts';
import type { Segment } from './segment.ts';

/** How many documents of a set there are of each kind, and of each group and capability mask: every facet follows from it. */
export interface Histogram {
  readonly kinds: Uint32Array;
  /** `mask * groups.length + group`. */
  readonly cells: Uint32Array | Uint16Array;
  readonly groups: Uint32Array;
}

/** What is counted for one query. */
export interface Tally {
  /** By capability mask, whatever features are selected. */
  readonly masks: Uint32Array;
  /** By model, and by group, of the documents found. */
  readonly models: Uint32Array;
  readonly groups: Uint32Array;
  total: number;
}

/** @returns how many bytes it takes. */
export function sizeOfTally({ masks, models, groups }: Tally): number {
  return masks.byteLength + models.byteLength + groups.byteLength;
}

/** @returns about how many bytes the facets take that are made of it, as objects and as JSON. */
export function sizeOfFacets({ models, groups }: Tally): number {
  return (Math.min(models.length, facetValueLimit) + Math.min(groups.length, facetValueLimit)) * BYTES_PER_COUNT;
}

export function copyOf({ masks, models, groups, total }: Tally): Tally {
  return { masks: masks.slice(), models: models.slice(), groups: groups.slice(), total };
}

/** Which features a document must have. */
export interface Selection {
  readonly mask: number;
  readonly match: 'all' | 'any';
}

/** A name and its number. */
const BYTES_PER_COUNT = 140;

/** Beyond this many cells a histogram of groups and masks costs more than it saves. */
const cellLimit = 1 << 18;

/** Counts documents of a segment. */
export class Counter {
  readonly #segment: Segment;
  /** The distinct capability masks, and the place of each kind's among them. */
  readonly #masks: readonly number[];
  readonly #maskOf: Uint8Array;
  readonly #largestGroup: number;
  readonly #passes: (Uint8Array | undefined)[] = [];

  constructor(segment: Segment) {
    this.#segment = segment;
    this.#masks = [...new Set(segment.kindMasks)];
    const { groupLists } = segment;
    const sizes = segment.groups.map((_, group) => listLength(groupLists, group));
    this.#largestGroup = sizes.reduce((most, size) => Math.max(most, size), 0);
    this.#maskOf = segment.kindMasks.map((mask) => this.#masks.indexOf(mask));
  }

  get hasHistograms(): boolean {
    return this.#segment.groups.length * this.#masks.length <= cellLimit;
  }

  histogramOf(set: DocSet): Histogram {
    const { kinds, groupOf } = this.#segment;
    const groups = this.#segment.groups.length;
    const maskOf = this.#maskOf;
    const byKind = new Uint32Array(this.#segment.kindMasks.length);
    const Cells = this.#largestGroup < 0x10000 ? Uint16Array : Uint32Array;
    const cells = new Cells(groups * this.#masks.length);
    const byGroup = new Uint32Array(groups);
    // Ordinals again and again into one buffer: a call for each of a million documents would cost more than the counting.
    for (const docs of chunksOf(set)) {
      for (let at = 0; at < docs.length; at++) {
        const doc = docs[at]!;
        const kind = kinds[doc]!;
        byKind[kind]!++;
        const group = groupOf[doc]!;
        byGroup[group]!++;
        cells[maskOf[kind]! * groups + group]!++;
      }
    }
    return { kinds: byKind, cells, groups: byGroup };
  }

  /** For each kind 1 if it passes. */
  #passing(selected: number, match: Selection['match']): Uint8Array {
    const key = match === 'all' ? selected : selected | 256;
    let passes = this.#passes[key];
    if (passes === undefined) {
      passes = this.#segment.kindMasks.map((mask) => (passesFeatures(mask, selected, match) ? 1 : 0));
      this.#passes[key] = passes;
    }
    return passes;
  }

  empty(): Tally {
    const { models, groups } = this.#segment;
    return {
      masks: new Uint32Array(256),
      models: new Uint32Array(models.length),
      groups: new Uint32Array(groups.length),
      total: 0,
    };
  }

  /** Counts the documents of `set`, of which those that pass `selection` are found. */
  count(set: DocSet, { mask: selected, match }: Selection): Tally {
    const { kinds, kindMasks, kindModels, groupOf } = this.#segment;
    const tally = this.empty();
    const { groups } = tally;
    const byKind = new Uint32Array(kindMasks.length);
    const passes = this.#passing(selected, match);
    for (const docs of chunksOf(set)) {
      for (let at = 0; at < docs.length; at++) {
        const doc = docs[at]!;
        const kind = kinds[doc]!;
        byKind[kind]!++;
        groups[groupOf[doc]!]! += passes[kind]!;
      }
    }
    addKinds(tally, byKind, passes, kindMasks, kindModels);
    return tally;
  }

  /** The same from a histogram: whatever is selected, no document is looked at. */
  countFrom({ kinds, cells, groups: byGroup }: Histogram, { mask: selected, match }: Selection): Tally {
    const { kindMasks, kindModels } = this.#segment;
    const tally = this.empty();
    const passes = this.#passing(selected, match);
    addKinds(tally, kinds, passes, kindMasks, kindModels);
    const { groups } = tally;
    const passing = this.#masks.map((mask) => passesFeatures(mask, selected, match));
    // Whichever are fewer: those that pass are added up, or those that do not taken from all.
    const few = passing.filter((passed) => passed).length * 2 <= passing.length;
    if (!few) groups.set(byGroup);
    for (let place = 0; place < passing.length; place++) {
      if (passing[place] !== few) continue;
      const row = place * groups.length;
      if (few) for (let group = 0; group < groups.length; group++) groups[group]! += cells[row + group]!;
      else for (let group = 0; group < groups.length; group++) groups[group]! -= cells[row + group]!;
    }
    return tally;
  }

  /** Takes one document out of what was counted. */
  subtract(tally: Tally, doc: number, { mask: selected, match }: Selection): void {
    const { kinds, kindMasks, kindModels, groupOf } = this.#segment;
    const kind = kinds[doc]!;
    const mask = kindMasks[kind]!;
    tally.masks[mask]!--;
    if (!passesFeatures(mask, selected, match)) return;
    tally.models[kindModels[kind]!]!--;
    tally.groups[groupOf[doc]!]!--;
    tally.total--;
  }
}

function addKinds(tally: Tally, kinds: Uint32Array, passes: Uint8Array, masks: Uint8Array, models: Uint32Array): void {
  for (let kind = 0; kind < kinds.length; kind++) {
    const count = kinds[kind]!;
    tally.masks[masks[kind]!]! += count;
    if (passes[kind] === 0) continue;
    tally.models[models[kind]!]! += count;
    tally.total += count;
  }
}

const chunk = new Uint32Array(4096);

/** The members, ascending, so many at a time; each chunk is overwritten by the next. */
export function* chunksOf({ bits, docs }: DocSet): Generator<Uint32Array> {
  if (docs !== null) {
    yield docs;
    return;
  }
  let length = 0;
  for (let word = 0; word < bits!.length; word++) {
    const base = word << 5;
    for (let value = bits![word]!; value !== 0; value &= value - 1) {
      chunk[length++] = base + (31 - Math.clz32(value & -value));
    }
    if (length > chunk.length - 32) {
      yield chunk.subarray(0, length);
      length = 0;
    }
  }
  yield chunk.subarray(0, length);
}
