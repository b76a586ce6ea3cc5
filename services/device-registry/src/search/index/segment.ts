import type { TextTable } from './bytes.ts';
import type { GramIndex } from './grams.ts';
import type { PostingLists } from './posting-lists.ts';
import type { WordIndex } from './words.ts';

/** Words of one or two characters in ids and MACs, where looking anywhere would find everything. */
export interface ShortIndex {
  readonly terms: TextTable;
  readonly lists: PostingLists;
}

/**
 * Many devices, indexed once and for all. Plain data of typed arrays, so that a worker thread builds it and hands it over by transfer.
 * A document is a device's ordinal in the natural order of names (`displayKey`, id); all lists are in that order. Only `lastSeen`
 * is written to afterwards.
 */
export interface Segment {
  readonly count: number;
  /** See `divergence-hash.ts`. */
  readonly hash: readonly [number, number];
  /** `records.ts` reads them. */
  readonly records: TextTable;
  /** Which model, capabilities and platform a document has, as one code. */
  readonly kinds: Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  readonly kindModels: Uint32Array<ArrayBuffer>;
  readonly kindMasks: Uint8Array<ArrayBuffer>;
  /** 0: none; else the place in the list of platforms, from 1. */
  readonly kindPlatforms: Uint8Array<ArrayBuffer>;
  readonly models: readonly string[];
  /** Models in their natural order. */
  readonly modelOrder: Uint32Array<ArrayBuffer>;
  readonly modelWords: WordIndex;
  readonly modelLists: PostingLists;
  /** Place in `groups`, whose first entry stands for none. */
  readonly groupOf: Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  readonly groups: readonly string[];
  readonly groupLists: PostingLists;
  readonly tags: readonly string[];
  readonly tagLists: PostingLists;
  readonly platformLists: PostingLists;
  /** One set of bits per capability, in the order of `deviceCapabilities`. */
  readonly capabilityBits: Uint32Array<ArrayBuffer>;
  readonly versions: Uint32Array<ArrayBuffer>;
  /** Milliseconds since the epoch; -1 for never. */
  readonly lastSeen: Float64Array<ArrayBuffer>;
  /** Documents in the order of their folded ids, then of the ids. */
  readonly byId: Uint32Array<ArrayBuffer>;
  readonly labelWords: WordIndex;
  readonly labelStarts: GramIndex;
  readonly hostWords: WordIndex;
  readonly hostStarts: GramIndex;
  readonly idPieces: GramIndex;
  readonly macPieces: GramIndex;
  readonly ipStarts: GramIndex;
  /** The first two characters of ids from each part on, and of MACs. */
  readonly shortStarts: ShortIndex;
  /** Runs of parts of ids that are one or two characters long. */
  readonly shortRuns: ShortIndex;
}

/** @returns every buffer of a segment or of a part of one, to transfer with it. */
export function buffersOf(segment: Partial<Segment>): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const visit = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) found.add(value.buffer as ArrayBuffer);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) Object.values(value).forEach(visit);
  };
  visit(segment);
  return [...found];
}

/** @returns how many bytes the segment holds. */
export function sizeOfSegment(segment: Segment): number {
  const texts = [...segment.models, ...segment.groups, ...segment.tags];
  const strings = texts.reduce((total, text) => total + text.length * 2 + 24, 0);
  return buffersOf(segment).reduce((total, buffer) => total + buffer.byteLength, strings);
}
