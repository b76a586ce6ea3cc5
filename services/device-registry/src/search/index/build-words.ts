import { GrowingBytes, GrowingNumbers } from './bytes.ts';
import type { FoldedBytes } from './fold-bytes.ts';
import { listLength, listsByTerm, type PostingLists, PostingListsWriter } from './posting-lists.ts';
import { sortTexts } from './sort-texts.ts';
import { TermTable } from './term-table.ts';
import type { WordIndex } from './words.ts';

const boundary = 0xffffffff;

/** Gathers values in ascending order of their documents. */
export class WordIndexBuilder {
  readonly #terms = new TermTable();
  /** Terms in the order of the text, values apart. */
  readonly #sequence = new GrowingNumbers();
  readonly #docs = new GrowingNumbers();

  add(doc: number, value: FoldedBytes): void {
    for (let part = 0; part < value.parts; part++) {
      this.#sequence.push(this.#terms.termOf(value.bytes, value.starts[part]!, value.endOfPart(part)));
      this.#docs.push(doc);
    }
    if (value.parts > 0) {
      this.#sequence.push(boundary);
      this.#docs.push(doc);
    }
  }

  /** @param frequentFrom from how many documents on a part is frequent. */
  finish(universe: number, frequentFrom: number): WordIndex {
    const unsorted = this.#terms.texts;
    const { count } = this.#terms;
    const order = Uint32Array.from({ length: count }, (_, term) => term);
    sortTexts(unsorted, order);
    const places = new Uint32Array(count);
    const sorted = new GrowingBytes(this.#terms.length);
    const offsets = new Uint32Array(count + 1);
    for (let place = 0; place < count; place++) {
      const term = order[place]!;
      places[term] = place;
      sorted.copy(unsorted.bytes, unsorted.offsets[term]!, unsorted.offsets[term + 1]!);
      offsets[place + 1] = sorted.length;
    }
    const sequence = this.#sequence.numbers;
    const docs = this.#docs.numbers;
    const terms = new GrowingNumbers(this.#sequence.length + 1);
    const owners = new GrowingNumbers(this.#sequence.length + 1);
    for (let at = 0; at < this.#sequence.length; at++) {
      if (sequence[at] === boundary) continue;
      sequence[at] = places[sequence[at]!]!;
      terms.push(sequence[at]!);
      owners.push(docs[at]!);
    }
    const lists = listsByTerm(terms.numbers, owners.numbers, terms.length, count, universe);
    return {
      terms: { bytes: sorted.finish(), offsets },
      lists,
      ...pairsOf(lists, frequentTerms(lists, count, frequentFrom), sequence, docs, this.#sequence.length),
    };
  }
}

function frequentTerms(lists: PostingLists, terms: number, frequentFrom: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: terms }, (_, term) => term).filter(
    (term) => listLength(lists, term) >= frequentFrom,
  );
}

function pairsOf(
  lists: PostingLists,
  frequent: Uint32Array<ArrayBuffer>,
  sequence: Uint32Array,
  docs: Uint32Array,
  length: number,
) {
  const placeOf = new Int32Array(lists.offsets.length - 1).fill(-1);
  for (const [place, term] of frequent.entries()) placeOf[term] = place;
  const starts = new Uint32Array(frequent.length + 1);
  const firstOf = (at: number): number =>
    sequence[at] === boundary || sequence[at + 1] === boundary ? -1 : placeOf[sequence[at]!]!;
  for (let at = 0; at + 1 < length; at++) {
    const place = firstOf(at);
    if (place >= 0) starts[place + 1]!++;
  }
  for (let place = 0; place < frequent.length; place++) starts[place + 1]! += starts[place]!;
  const next = starts.slice();
  const second = new Uint32Array(starts[frequent.length]!);
  const owner = new Uint32Array(second.length);
  for (let at = 0; at + 1 < length; at++) {
    const place = firstOf(at);
    if (place < 0) continue;
    const to = next[place]!++;
    second[to] = sequence[at + 1]!;
    owner[to] = docs[at]!;
  }
  const pairStarts = new Uint32Array(frequent.length + 1);
  const seconds = new GrowingNumbers();
  const writer = new PostingListsWriter(lists.universe);
  const gathered = new GrowingNumbers();
  for (let place = 0; place < frequent.length; place++) {
    const low = starts[place]!;
    const high = starts[place + 1]!;
    // Second term and place within this stretch as one number: terms stay below 2^24, so both fit a double.
    const keys = new Float64Array(high - low);
    for (let at = low; at < high; at++) keys[at - low] = second[at]! * 2 ** 28 + (at - low);
    keys.sort();
    let before = -1;
    gathered.length = 0;
    for (const key of keys) {
      const term = Math.floor(key / 2 ** 28);
      if (term !== before && before >= 0) {
        writer.add(gathered.numbers, 0, gathered.length);
        seconds.push(before);
        gathered.length = 0;
      }
      before = term;
      gathered.push(owner[low + (key - term * 2 ** 28)]!);
    }
    if (before >= 0) {
      writer.add(gathered.numbers, 0, gathered.length);
      seconds.push(before);
    }
    pairStarts[place + 1] = seconds.length;
  }
  return { frequent, pairStarts, seconds: seconds.finish(), pairLists: writer.finish() };
}
