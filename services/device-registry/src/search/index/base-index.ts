import type { DeviceQuery } from '@quell/contracts/device-query';
import { featureMask } from '@quell/device-query/match';
import {
  infixLength,
  isPrefix,
  type MatchLevel,
  type QueryText,
  type QueryWord,
} from '@quell/device-query/parse-query';
import { AnswerCache } from './answer-cache.ts';
import { type DocSet, emptySet, hasDoc, intersect, setBit, setOfBits, setOfDocs, sizeOfSet, wordsFor } from './bits.ts';
import { Filters } from './filters.ts';
import { LastSeenOrder } from './last-seen-order.ts';
import type { Segment } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import { Counter, copyOf, type Histogram, type Selection, sizeOfFacets, sizeOfTally, type Tally } from './tally.ts';
import { TextHits } from './text-hits.ts';
import { CodedValues } from './value-counts.ts';
import { findWord, type WordHits } from './word-hits.ts';

export interface BaseOptions {
  /** How many bytes of earlier answers are kept, at most, beside those of one letter. */
  readonly cacheBytes: number;
  /** From this many documents on their histogram is made once and kept; fewer are counted each time. */
  readonly histogramFrom: number;
  /** From this many documents on what was counted for a selection is kept. */
  readonly tallyFrom: number;
}

/** What one query finds in a segment at one level. */
export interface BaseHits {
  readonly text: TextHits | undefined;
  /** Found: text, all filters, without those that changed since. */
  readonly found: DocSet;
  readonly counted: () => Counted;
}

/** What is counted of the documents that are alive. Nobody may write to one that is `shared`: it is kept for the next who asks. */
export interface Counted {
  readonly tally: Tally;
  readonly shared: boolean;
}

const firstLetter = /^[a-z0-9]$/;

/** Searches a segment; keeps what it found lately. Documents that have changed since are `dead`, and left out of every answer. */
export class BaseIndex {
  readonly segment: Segment;
  readonly reader: SegmentReader;
  readonly lastSeen: LastSeenOrder;
  readonly #histogramFrom: number;
  readonly #tallyFrom: number;
  readonly #counter: Counter;
  readonly #all: DocSet;
  readonly #dead = new Set<number>();
  readonly #foundBits: Uint32Array;
  readonly #countedBits: Uint32Array;
  readonly #cache: AnswerCache;
  readonly #filters: Filters;
  /** Sets of documents by number, for keys of what is known of a set. */
  readonly #numbers = new WeakMap<DocSet, number>();
  #nextNumber = 0;
  readonly models: CodedValues;
  readonly groups: CodedValues;

  constructor(segment: Segment, { cacheBytes, histogramFrom, tallyFrom }: BaseOptions) {
    this.#histogramFrom = histogramFrom;
    this.#tallyFrom = tallyFrom;
    this.segment = segment;
    this.reader = new SegmentReader(segment);
    this.lastSeen = new LastSeenOrder(segment);
    this.#counter = new Counter(segment);
    const bits = new Uint32Array(wordsFor(segment.count));
    for (let doc = 0; doc < segment.count; doc++) setBit(bits, doc);
    this.#all = segment.count === 0 ? emptySet : { count: segment.count, bits, docs: null };
    this.#foundBits = new Uint32Array(bits.length);
    this.#countedBits = new Uint32Array(bits.length);
    this.#cache = new AnswerCache(cacheBytes);
    this.models = new CodedValues(segment.models);
    this.groups = new CodedValues(segment.groups);
    this.#filters = new Filters(segment, this.#cache, this.models, this.groups);
  }

  get dead(): ReadonlySet<number> {
    return this.#dead;
  }

  /** In bytes, of what is kept of earlier answers. */
  get cacheSize(): number {
    return this.#cache.size + this.reader.keptBytes;
  }

  kill(doc: number): void {
    this.#dead.add(doc);
  }

  #numberOf(set: DocSet): number {
    let number = this.#numbers.get(set);
    if (number === undefined) {
      number = this.#nextNumber++;
      this.#numbers.set(set, number);
    }
    return number;
  }

  #word(word: QueryWord, level: MatchLevel, always: boolean): WordHits {
    const reading = level === 'typos' ? 'typos' : isPrefix(word, level) ? 'prefix' : 'whole';
    return this.#cache.keep(wordKey(reading, word.folded, word.address), always, () => {
      const found = findWord(this.reader, word, level);
      const value = (reading === 'prefix' && this.#sameAsShorter(word, found)) || found;
      // In full, though it may be kept under the shorter word too: that may go first.
      return { value, size: sizeOfSet(value.any) + sizeOfSet(value.labels) + sizeOfSet(value.models) };
    });
  }

  /**
   * Whoever types on in a long word mostly finds the same again. Beyond the length from which ids are looked into, a longer beginning
   * finds a part of what the shorter one did, so equal numbers are equal sets; and what was counted of those need not be counted again.
   */
  #sameAsShorter(word: QueryWord, { any, labels, models }: WordHits): WordHits | undefined {
    if (word.length <= infixLength || word.address !== undefined) return undefined;
    const shorter = this.#cache.find<WordHits>(wordKey('prefix', [...word.folded].slice(0, -1).join('')));
    const same =
      shorter?.any.count === any.count &&
      shorter.labels.count === labels.count &&
      shorter.models.count === models.count;
    return same ? shorter : undefined;
  }

  #text(text: Words, level: MatchLevel): TextHits {
    const key = `text ${level} ${text.words.map(({ folded, address }) => `${folded} ${address ?? ''}`).join('\n')}`;
    const always = level === 'as-typed' && isFirstLetter(text);
    return this.#cache.keep(key, always, () => {
      const words = text.words.map((word) => this.#word(word, level, always));
      const value: TextHits = new TextHits(this.reader, text, words, this.#allOf(words), () =>
        this.#cache.resize(key, value, size()),
      );
      // What is always kept for its word is not kept twice; of others the word may go first. Classes come as they are asked for.
      const size = () => value.classSize + (always ? 0 : value.size);
      return { value, size: size() };
    });
  }

  /** The documents of all words; the same set for the same hits. */
  #allOf(words: readonly WordHits[]): DocSet {
    const sets = words.map(({ any }) => any);
    if (sets.length === 1) return sets[0]!;
    return this.#cache.keep(`all ${sets.map((set) => this.#numberOf(set)).join(' ')}`, false, () => {
      const value = intersect(sets);
      return { value, size: sizeOfSet(value) };
    });
  }

  #histogram(set: DocSet, always: boolean): Histogram {
    return this.#cache.keep(`histogram ${this.#numberOf(set)}`, always, () => {
      const value = this.#counter.histogramOf(set);
      return { value, size: value.kinds.byteLength + value.cells.byteLength };
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
    const others = this.#filters.others(query);
    const features = this.#filters.features(selection);
    const base = others === undefined ? [any] : [any, others];
    const all = features === undefined ? base : [...base, features];
    const found = this.#alive(intersect(all, this.#foundBits), this.#foundBits);
    const always = text.kind === 'blank' || (level === 'as-typed' && isFirstLetter(text));
    return { text: hits, found, counted: () => this.#counted(any, others, selection, always) };
  }

  #counted(any: DocSet, others: DocSet | undefined, selection: Selection, always: boolean): Counted {
    const counted = this.#countAll(any, others, selection, always);
    const gone = [...this.#dead].filter((doc) => hasDoc(any, doc) && (others === undefined || hasDoc(others, doc)));
    if (gone.length === 0) return counted;
    const tally = counted.shared ? copyOf(counted.tally) : counted.tally;
    for (const doc of gone) this.#counter.subtract(tally, doc, selection);
    return { tally, shared: false };
  }

  /** The dead as well. */
  #countAll(any: DocSet, others: DocSet | undefined, selection: Selection, always: boolean): Counted {
    const count = (): Tally => {
      if (others === undefined && any.count >= this.#histogramFrom && this.#counter.hasHistograms) {
        return this.#counter.countFrom(this.#histogram(any, always), selection);
      }
      return this.#counter.count(others === undefined ? any : intersect([any, others], this.#countedBits), selection);
    };
    if (any.count < this.#tallyFrom) return { tally: count(), shared: false };
    const { mask, match } = selection;
    const filter = others === undefined ? '' : this.#numberOf(others);
    // Without features both modes count the same.
    const key = `tally ${this.#numberOf(any)} ${filter} ${mask} ${mask === 0 ? '' : match}`;
    const make = () => {
      const value = count();
      return { value, size: sizeOfTally(value) + sizeOfFacets(value) };
    };
    return { tally: this.#cache.keep(key, false, make), shared: true };
  }

  emptyTally(): Tally {
    return this.#counter.empty();
  }
}

type Words = Extract<QueryText, { kind: 'words' }>;

function wordKey(reading: 'whole' | 'prefix' | 'typos', folded: string, address = ''): string {
  return `word ${reading} ${folded} ${address}`;
}

function isFirstLetter({ words }: Words): boolean {
  return words.length === 1 && words[0]?.address === undefined && firstLetter.test(words[0]!.folded);
}
