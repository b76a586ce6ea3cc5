import { Collector, hasDoc } from './bits.ts';
import { compareBytes, firstWhere, isText, rangeOf, type TextTable } from './bytes.ts';
import { docsOfList, orLists, type PostingLists } from './posting-lists.ts';

/**
 * Finds the documents with a run of parts that a word equals or begins, in a field whose values have parts (label, host name, model).
 * `terms` are the distinct parts, sorted: a beginning is a slice of them. Words across parts (`npp16d` for `nPP16 D`) come from
 * pairs of neighbours whose first part is frequent; with a rare first part, or across three parts, documents are looked through.
 */
export interface WordIndex {
  readonly terms: TextTable;
  readonly lists: PostingLists;
  /** Terms of many documents, ascending; those of `frequent[i]` are `pairs[pairStarts[i]..pairStarts[i + 1]]`. */
  readonly frequent: Uint32Array<ArrayBuffer>;
  readonly pairStarts: Uint32Array<ArrayBuffer>;
  /** For each pair the term that comes second, ascending for the same first one. */
  readonly seconds: Uint32Array<ArrayBuffer>;
  readonly pairLists: PostingLists;
}

/** @returns the term that equals `word`, or -1. */
function termOf({ terms }: WordIndex, word: Uint8Array): number {
  const { bytes, offsets } = terms;
  const count = offsets.length - 1;
  const place = firstWhere(0, count, (term) => compareBytes(bytes, offsets[term]!, offsets[term + 1]!, word) >= 0);
  return place < count && isText(terms, place, word) ? place : -1;
}

/** @returns the place of the first of the ascending numbers in `from..to` that is at least `wanted`. */
const placeIn = (numbers: Uint32Array, wanted: number, from: number, to: number): number =>
  firstWhere(from, to, (at) => numbers[at]! >= wanted);

/**
 * Adds to `into` the documents with a run of parts that `word` equals, or begins when `prefix`.
 * @param check says of one document whether it has such a run.
 */
export function findRuns(
  index: WordIndex,
  word: Uint8Array,
  prefix: boolean,
  check: (doc: number) => boolean,
  into: Collector,
): void {
  const whole = termRange(index, word, prefix);
  orLists(index.lists, whole[0], whole[1], into);
  for (let length = 1; length < word.length; length++) {
    // Within a character no part ends.
    if ((word[length]! & 0xc0) === 0x80) continue;
    const first = termOf(index, word.subarray(0, length));
    if (first < 0) continue;
    const rest = word.subarray(length);
    const place = placeIn(index.frequent, first, 0, index.frequent.length);
    if (index.frequent[place] !== first) checkList(index.lists, first, check, into);
    else {
      addPairs(index, place, termRange(index, rest, prefix), into);
      findLongerRuns(index, place, rest, prefix, check, into);
    }
  }
}

/** Runs of three parts and more: the first one is known, `rest` is what the others spell. */
function findLongerRuns(
  index: WordIndex,
  place: number,
  rest: Uint8Array,
  prefix: boolean,
  check: (doc: number) => boolean,
  into: Collector,
): void {
  for (let length = 1; length < rest.length; length++) {
    const second = termOf(index, rest.subarray(0, length));
    const pair = second < 0 ? -1 : pairOf(index, place, second);
    if (pair < 0) continue;
    const nextPlace = placeIn(index.frequent, second, 0, index.frequent.length);
    if (index.frequent[nextPlace] !== second) {
      checkList(index.pairLists, pair, check, into);
      continue;
    }
    // Only where the second part, too, goes on as it must is a document worth looking at.
    const gathered = new Collector(index.lists.universe);
    const after = rest.subarray(length);
    addPairs(index, nextPlace, termRange(index, after, prefix), gathered);
    for (let end = 1; end < after.length; end++) {
      const third = termOf(index, after.subarray(0, end));
      const further = third < 0 ? -1 : pairOf(index, nextPlace, third);
      if (further >= 0) orLists(index.pairLists, further, further + 1, gathered);
    }
    const followed = gathered.finish();
    if (followed.count === 0) continue;
    for (const doc of docsOfList(index.pairLists, pair)) {
      if (hasDoc(followed, doc) && check(doc)) into.add(doc);
    }
  }
}

function termRange(index: WordIndex, word: Uint8Array, prefix: boolean): [from: number, to: number] {
  if (prefix) return rangeOf(index.terms, word);
  const term = termOf(index, word);
  return term < 0 ? [0, 0] : [term, term + 1];
}

function pairOf({ pairStarts, seconds }: WordIndex, place: number, second: number): number {
  const pair = placeIn(seconds, second, pairStarts[place]!, pairStarts[place + 1]!);
  return pair < pairStarts[place + 1]! && seconds[pair] === second ? pair : -1;
}

function addPairs(index: WordIndex, place: number, [from, to]: [number, number], into: Collector): void {
  const { pairStarts, seconds, pairLists } = index;
  if (from === to) return;
  const first = placeIn(seconds, from, pairStarts[place]!, pairStarts[place + 1]!);
  orLists(pairLists, first, placeIn(seconds, to, first, pairStarts[place + 1]!), into);
}

function checkList(lists: PostingLists, list: number, check: (doc: number) => boolean, into: Collector): void {
  for (const doc of docsOfList(lists, list)) if (check(doc)) into.add(doc);
}
