import type { Collector } from './bits.ts';
import { compareBytes, GrowingBytes, GrowingNumbers, isText, rangeOf, type TextTable } from './bytes.ts';
import { docsOfList, orLists, type PostingLists, PostingListsWriter } from './posting-lists.ts';

/**
 * Finds the documents that have a text which begins with some bytes, where the texts are values, or all ends of values (then it finds
 * what occurs anywhere in a value). Texts are grouped by their first bytes; a group of more than `groupLimit` is divided by the next
 * byte, and so on. So a wanted beginning is either a slice of whole groups, and exact, or lies within one small group that is
 * looked through.
 */
export interface GramIndex {
  /** The first bytes of each group, sorted. */
  readonly grams: TextTable;
  /** 1 where the texts of the group end with its bytes: they were left over when a large group was divided. */
  readonly ended: Uint8Array<ArrayBuffer>;
  readonly lists: PostingLists;
}

/** A word that is looked for inside ids and MACs has at least three characters, so at least as many bytes. */
export const infixBytes = 3;

/** Values as the builder gathers them, in ascending order of their documents, each ended by a zero byte. */
export class GramValues {
  readonly bytes = new GrowingBytes(1 << 16);
  readonly starts = new GrowingNumbers();
  readonly docs = new GrowingNumbers();

  add(doc: number, bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    this.starts.push(this.bytes.length);
    this.docs.push(doc);
    this.bytes.copy(bytes, start, end);
    this.bytes.byte(0);
  }
}

/** Where the texts to be grouped begin, and the document of each. */
function textsOf(values: GramValues, shortest: number): { texts: Uint32Array; docs: Uint32Array } {
  if (shortest === 0) return { texts: values.starts.finish(), docs: values.docs.finish() };
  const { bytes, length } = values.bytes;
  const texts = new GrowingNumbers(length + 1);
  const docs = new GrowingNumbers(length + 1);
  for (let value = 0; value < values.docs.length; value++) {
    const start = values.starts.numbers[value]!;
    const end = (value + 1 < values.docs.length ? values.starts.numbers[value + 1]! : length) - 1;
    const doc = values.docs.numbers[value]!;
    for (let at = start; at + shortest <= end; at++) {
      // A text does not begin within a character of UTF-8.
      if ((bytes[at]! & 0xc0) === 0x80) continue;
      texts.push(at);
      docs.push(doc);
    }
  }
  return { texts: texts.numbers.subarray(0, texts.length), docs: docs.numbers.subarray(0, docs.length) };
}

/** @param shortest 0: only whole values; else every end of a value that has at least so many bytes. */
export function buildGrams(values: GramValues, shortest: number, universe: number, groupLimit: number): GramIndex {
  const { bytes } = values.bytes;
  const { texts, docs } = textsOf(values, shortest);
  const movedTexts = new Uint32Array(texts.length);
  const movedDocs = new Uint32Array(texts.length);
  const grams = new GrowingBytes();
  const offsets = new GrowingNumbers();
  const ended = new GrowingBytes();
  const lists = new PostingListsWriter(universe);
  offsets.push(0);

  const close = (low: number, high: number, depth: number, hasEnded: boolean): void => {
    grams.copy(bytes, texts[low]!, texts[low]! + depth);
    offsets.push(grams.length);
    ended.byte(hasEnded ? 1 : 0);
    lists.add(docs, low, high);
  };

  const divide = (low: number, high: number, depth: number): void => {
    if (low === high) return;
    if (depth > 0 && high - low <= groupLimit) {
      close(low, high, depth, false);
      return;
    }
    const starts = new Uint32Array(257);
    for (let at = low; at < high; at++) starts[bytes[texts[at]! + depth]! + 1]!++;
    for (let byte = 0; byte < 256; byte++) starts[byte + 1]! += starts[byte]!;
    const next = starts.slice();
    for (let at = low; at < high; at++) {
      const to = low + next[bytes[texts[at]! + depth]!]!++;
      movedTexts[to] = texts[at]!;
      movedDocs[to] = docs[at]!;
    }
    texts.set(movedTexts.subarray(low, high), low);
    docs.set(movedDocs.subarray(low, high), low);
    if (starts[1]! > 0) close(low, low + starts[1]!, depth, true);
    for (let byte = 1; byte < 256; byte++) {
      if (starts[byte + 1]! > starts[byte]!) divide(low + starts[byte]!, low + starts[byte + 1]!, depth + 1);
    }
  };
  divide(0, texts.length, 0);
  return {
    grams: { bytes: grams.finish(), offsets: offsets.finish() },
    ended: ended.finish(),
    lists: lists.finish(),
  };
}

/** The small group whose first bytes are a beginning of `wanted`, if there is one: it sorts right before what begins with `wanted`. */
function groupWithin({ grams, ended }: GramIndex, wanted: Uint8Array, from: number): number | undefined {
  const group = from - 1;
  if (group < 0 || ended[group] === 1) return undefined;
  const start = grams.offsets[group]!;
  const end = grams.offsets[group + 1]!;
  const isBeginning =
    end - start <= wanted.length && compareBytes(grams.bytes, start, end, wanted.subarray(0, end - start)) === 0;
  return isBeginning ? group : undefined;
}

/** Adds to `into` the documents with a text that begins with `wanted`; `check` says so of a document that may. */
export function findBeginning(
  index: GramIndex,
  wanted: Uint8Array,
  check: (doc: number) => boolean,
  into: Collector,
): void {
  const [from, to] = rangeOf(index.grams, wanted);
  orLists(index.lists, from, to, into);
  const group = groupWithin(index, wanted, from);
  if (group !== undefined) addChecked(index.lists, group, check, into);
}

/** Adds to `into` the documents with a text that is `wanted`. */
export function findEqual(
  index: GramIndex,
  wanted: Uint8Array,
  check: (doc: number) => boolean,
  into: Collector,
): void {
  const [from, to] = rangeOf(index.grams, wanted);
  for (let group = from; group < to && isText(index.grams, group, wanted); group++) {
    if (index.ended[group] === 1) orLists(index.lists, group, group + 1, into);
    else addChecked(index.lists, group, check, into);
  }
  const group = groupWithin(index, wanted, from);
  if (group !== undefined) addChecked(index.lists, group, check, into);
}

function addChecked(lists: PostingLists, list: number, check: (doc: number) => boolean, into: Collector): void {
  for (const doc of docsOfList(lists, list)) if (check(doc)) into.add(doc);
}
