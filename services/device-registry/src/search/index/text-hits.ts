import type { QueryText } from '@quell/device-query/parse-query';
import { type RankClass, rankClasses } from '@quell/device-query/rank';
import { Collector, type DocSet, docsOf, intersect, sizeOfSet } from './bits.ts';
import { findBeginning, findEqual } from './grams.ts';
import { orLists } from './posting-lists.ts';
import type { SegmentReader } from './segment-reader.ts';
import type { WordHits } from './word-hits.ts';

type Words = Extract<QueryText, { kind: 'words' }>;
const encoder = new TextEncoder();

/** What the words of one query find in a segment at one level, and in which class each document is. Found once, then kept. */
export class TextHits {
  readonly any: DocSet;
  readonly #labels: DocSet;
  readonly #models: DocSet;
  readonly #reader: SegmentReader;
  readonly #joined: string;
  readonly #classes = new Map<RankClass, DocSet>();
  readonly #onGrown: () => void;

  /** @param any the documents that all words match; @param onGrown called when `classSize` has grown */
  constructor(reader: SegmentReader, text: Words, hits: readonly WordHits[], any: DocSet, onGrown: () => void) {
    this.#onGrown = onGrown;
    this.#reader = reader;
    this.#joined = text.joined;
    this.any = any;
    this.#labels = intersect(hits.map(({ labels }) => labels));
    this.#models = intersect(hits.map(({ models }) => models));
  }

  /** In bytes, without the classes. */
  get size(): number {
    return sizeOfSet(this.any) + sizeOfSet(this.#labels) + sizeOfSet(this.#models);
  }

  /** In bytes, of the classes that were asked for so far. */
  get classSize(): number {
    let size = 0;
    for (const set of this.#classes.values()) if (set !== this.any && set !== this.#labels) size += sizeOfSet(set);
    return size;
  }

  /** The classes in order. A document is in the first one that has it; some of a class may not be hits. */
  *classes(): Generator<DocSet> {
    for (const name of rankClasses(this.#joined)) {
      let set = this.#classes.get(name);
      if (set === undefined) {
        set = this.#find(name);
        this.#classes.set(name, set);
        this.#onGrown();
      }
      yield set;
    }
  }

  #find(name: RankClass): DocSet {
    const reader = this.#reader;
    const { segment } = reader;
    const joined = encoder.encode(this.#joined);
    const gather = (find: (into: Collector) => void): DocSet => {
      const into = new Collector(segment.count);
      find(into);
      return into.finish();
    };
    const ofModels = (codes: Iterable<number>): DocSet => {
      return gather((into) => {
        for (const code of codes) orLists(segment.modelLists, code, code + 1, into);
      });
    };
    const modelsWhere = (holds: (joined: string) => boolean): DocSet =>
      ofModels(reader.models.flatMap((model, code) => (holds(model.joined) ? [code] : [])));
    switch (name) {
      case 'id-equal':
      case 'id-prefix': {
        const [from, to] = reader.idRange(joined);
        return gather((into) => {
          for (let place = from; place < to; place++) {
            const doc = segment.byId[place]!;
            if (name === 'id-prefix' || reader.foldedId(doc).length === joined.length) into.add(doc);
            // Ids that are equal come first among those that begin with it.
            else break;
          }
        });
      }
      case 'label-equal':
        return gather((into) =>
          findEqual(segment.labelStarts, joined, (doc) => reader.foldedLabel(doc).equals(joined), into),
        );
      case 'label-prefix':
        return gather((into) =>
          findBeginning(segment.labelStarts, joined, (doc) => reader.foldedLabel(doc).isAt(joined, 0), into),
        );
      case 'label-words':
        return this.#labels;
      case 'model-equal':
        return modelsWhere((model) => model === this.#joined);
      case 'model-prefix':
        return modelsWhere((model) => model.startsWith(this.#joined));
      case 'model-words':
        return ofModels(docsOf(this.#models));
      case 'hostname':
        return gather((into) => {
          const check = (doc: number) => reader.someHostname(doc, (hostname) => hostname.isAt(joined, 0));
          findBeginning(segment.hostStarts, joined, check, into);
        });
      case 'other':
        return this.any;
    }
  }
}
