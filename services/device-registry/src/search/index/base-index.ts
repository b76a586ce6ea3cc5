import { deviceCapabilities } from '@quell/contracts/device';
import type { DeviceQuery } from '@quell/contracts/device-query';
import { platform } from '@quell/contracts/vocabulary';
import { featureMask } from '@quell/device-query/match';
import { isPrefix, type MatchLevel, type QueryText } from '@quell/device-query/parse-query';
import { LRUCache } from 'lru-cache';
import {
  Collector,
  type DocSet,
  emptySet,
  hasDoc,
  intersect,
  setBit,
  setOfBits,
  setOfDocs,
  sizeOfSet,
  wordsFor,
} from './bits.ts';
import { LastSeenOrder } from './last-seen-order.ts';
import { orLists, type PostingLists } from './posting-lists.ts';
import type { Segment } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import { Counter, type Histogram, type Selection, type Tally } from './tally.ts';
import { TextHits } from './text-hits.ts';
import { CodedValues } from './value-counts.ts';
import { findWord, type WordHits } from './word-hits.ts';

export interface BaseOptions {
  /** How many bytes of earlier answers are kept, at most, beside those of one letter. */
  readonly cacheBytes: number;
  /** From this many documents on their histogram is made once and kept; fewer are counted each time. */
  readonly histogramFrom: number;
}

/** What one query finds in a segment at one level. */
export interface BaseHits {
  readonly text: TextHits | undefined;
  /** Found: text, all filters, without those that changed since. */
  readonly found: DocSet;
  readonly tally: () => Tally;
}

/** The keys of nothing typed and of one letter or digit typed, of which there are 37. */
const firstLetters = /^(word prefix|text as-typed|histogram text as-typed|histogram all)( [a-z0-9] )?$/;

/** Searches a segment; keeps what it found lately. Documents that have changed since are `dead`, and left out of every answer. */
export class BaseIndex {
  readonly segment: Segment;
  readonly reader: SegmentReader;
  readonly lastSeen: LastSeenOrder;
  readonly #histogramFrom: number;
  readonly #counter: Counter;
  readonly #all: DocSet;
  readonly #dead = new Set<number>();
  readonly #foundBits: Uint32Array;
  readonly #countedBits: Uint32Array;
  readonly #kept: LRUCache<string, Kept>;
  /** Every search begins with these, and they cost most. */
  readonly #always = new Map<string, Kept>();
  readonly models: CodedValues;
  readonly groups: CodedValues;
  readonly #tags: CodedValues;

  constructor(segment: Segment, { cacheBytes, histogramFrom }: BaseOptions) {
    this.#histogramFrom = histogramFrom;
    this.segment = segment;
    this.reader = new SegmentReader(segment);
    this.lastSeen = new LastSeenOrder(segment);
    this.#counter = new Counter(segment);
    const bits = new Uint32Array(wordsFor(segment.count));
    for (let doc = 0; doc < segment.count; doc++) setBit(bits, doc);
    this.#all = segment.count === 0 ? emptySet : { count: segment.count, bits, docs: null };
    this.#foundBits = new Uint32Array(bits.length);
    this.#countedBits = new Uint32Array(bits.length);
    this.#kept = new LRUCache({ maxSize: cacheBytes, sizeCalculation: ({ size }) => size });
    this.models = new CodedValues(segment.models);
    this.groups = new CodedValues(segment.groups);
    this.#tags = new CodedValues(segment.tags);
  }

  get dead(): ReadonlySet<number> {
    return this.#dead;
  }

  /** In bytes, of what is kept of earlier answers. */
  get cacheSize(): number {
    let always = 0;
    for (const { size } of this.#always.values()) always += size;
    return this.#kept.calculatedSize + always;
  }

  kill(doc: number): void {
    this.#dead.add(doc);
  }

  #keep<T>(key: string, make: () => { value: T; size: number }): T {
    const known = this.#always.get(key) ?? this.#kept.get(key);
    if (known !== undefined) return known.value as T;
    const { value, size } = make();
    const kept = { value, size: size + key.length * 2 + 200 };
    if (firstLetters.test(key)) this.#always.set(key, kept);
    else this.#kept.set(key, kept);
    return value;
  }

  #word(text: Words, at: number, level: MatchLevel): WordHits {
    const word = text.words[at]!;
    const reading = level === 'typos' ? 'typos' : isPrefix(word, level) ? 'prefix' : 'whole';
    return this.#keep(`word ${reading} ${word.folded} ${word.address ?? ''}`, () => {
      const value = findWord(this.reader, word, level);
      return { value, size: sizeOfSet(value.any) + sizeOfSet(value.labels) + sizeOfSet(value.models) };
    });
  }

  #textKey(text: Words, level: MatchLevel): string {
    return `text ${level} ${text.words.map(({ folded, address }) => `${folded} ${address ?? ''}`).join('\n')}`;
  }

  #text(text: Words, level: MatchLevel): TextHits {
    const key = this.#textKey(text, level);
    return this.#keep(key, () => {
      const words = text.words.map((_, at) => this.#word(text, at, level));
      // The sets of a single word are those that are kept for it anyway; classes come as they are asked for.
      const own = (value: TextHits) => (words.length === 1 ? 0 : value.size) + value.classSize + 200;
      const value = new TextHits(this.reader, text, words, () => {
        const kept = { value, size: own(value) };
        if (this.#always.has(key)) this.#always.set(key, kept);
        else if (this.#kept.has(key)) this.#kept.set(key, kept);
      });
      return { value, size: own(value) };
    });
  }

  #histogram(key: string, set: DocSet): Histogram {
    return this.#keep(`histogram ${key}`, () => {
      const value = this.#counter.histogramOf(set);
      return { value, size: value.kinds.byteLength + value.cells.byteLength };
    });
  }

  /** The documents with any of the values, or nothing without a filter. */
  #anyOf(values: readonly (number | undefined)[], lists: PostingLists): DocSet | undefined {
    if (values.length === 0) return undefined;
    const found = new Collector(this.segment.count);
    for (const value of values) if (value !== undefined) orLists(lists, value, value + 1, found);
    return found.finish();
  }

  #otherFilters({ group, platform: systems, model, tag }: DeviceQuery): DocSet | undefined {
    if (group.length + systems.length + model.length + tag.length === 0) return undefined;
    const { groupLists, modelLists, tagLists, platformLists } = this.segment;
    return this.#keep(`filter ${JSON.stringify([group, systems, model, tag])}`, () => {
      const sets = [
        this.#anyOf(
          group.map((value) => this.groups.codeOf(value)),
          groupLists,
        ),
        this.#anyOf(
          systems.map((value) => platform.options.indexOf(value) + 1),
          platformLists,
        ),
        this.#anyOf(
          model.map((value) => this.models.codeOf(value)),
          modelLists,
        ),
        this.#anyOf(
          tag.map((value) => this.#tags.codeOf(value)),
          tagLists,
        ),
      ];
      const value = intersect(sets.filter((set) => set !== undefined));
      return { value, size: sizeOfSet(value) };
    });
  }

  #features({ mask, match }: Selection): DocSet | undefined {
    if (mask === 0) return undefined;
    return this.#keep(`features ${mask} ${match}`, () => {
      const words = wordsFor(this.segment.count);
      const sets = deviceCapabilities.flatMap((_, index): DocSet[] => {
        if ((mask & (1 << index)) === 0) return [];
        return [setOfBits(this.segment.capabilityBits.slice(index * words, (index + 1) * words))];
      });
      let value = sets[0]!;
      if (match === 'all') value = intersect(sets);
      else if (sets.length > 1) {
        const any = new Collector(this.segment.count);
        for (const set of sets) any.addSet(set);
        value = any.finish();
      }
      return { value, size: sizeOfSet(value) };
    });
  }

  /** Without the dead. @param scratch the set's own bits where they may be changed. */
  #alive(set: DocSet, scratch: Uint32Array): DocSet {
    if (this.#dead.size === 0) return set;
    if (set.docs !== null) {
      const docs = set.docs.filter((doc) => !this.#dead.has(doc));
      return docs.length === set.count ? set : setOfDocs(docs);
    }
    if (set.bits !== scratch) scratch.set(set.bits!);
    for (const doc of this.#dead) scratch[doc >>> 5]! &= ~(1 << (doc & 31));
    return setOfBits(scratch);
  }

  /**
   * @param text not `nothing`.
   * @returns what is found, good until the next call: its bits are used again, since so many new ones a second are work for the collector.
   */
  find(query: DeviceQuery, text: Words | { readonly kind: 'blank' }, level: MatchLevel): BaseHits {
    const selection: Selection = { mask: featureMask(query.feature), match: query.match };
    const hits = text.kind === 'words' ? this.#text(text, level) : undefined;
    const any = hits?.any ?? this.#all;
    const others = this.#otherFilters(query);
    const features = this.#features(selection);
    const base = others === undefined ? [any] : [any, others];
    const all = features === undefined ? base : [...base, features];
    const found = this.#alive(intersect(all, this.#foundBits), this.#foundBits);
    const tally = (): Tally => {
      if (others !== undefined || any.count < this.#histogramFrom || !this.#counter.hasHistograms) {
        const counted =
          features === undefined ? found : this.#alive(intersect(base, this.#countedBits), this.#countedBits);
        return this.#counter.count(counted, selection);
      }
      const key = text.kind === 'words' ? this.#textKey(text, level) : 'all';
      const counted = this.#counter.countFrom(this.#histogram(key, any), selection);
      for (const doc of this.#dead) if (hasDoc(any, doc)) this.#counter.subtract(counted, doc, selection);
      return counted;
    };
    return { text: hits, found, tally };
  }

  emptyTally(): Tally {
    return this.#counter.empty();
  }
}

type Words = Extract<QueryText, { kind: 'words' }>;

/** What was found, and how many bytes it takes. */
interface Kept {
  readonly value: unknown;
  readonly size: number;
}
