import { Collector, docsOfBits, setBit, wordsFor } from './bits.ts';
import { GrowingBytes, GrowingNumbers } from './bytes.ts';

/**
 * For each of many terms the ascending ordinals of the documents that have it: their count and then the gaps as varints; for a term
 * of at least one document in eight its place among the bit sets in `dense`, which are then no longer than the gaps.
 */
export interface PostingLists {
  /** How many documents there are. */
  readonly universe: number;
  readonly offsets: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly dense: Uint32Array<ArrayBuffer>;
}

const isDense = (count: number, universe: number): boolean => count > 64 && count * 8 >= universe;

export class PostingListsWriter {
  readonly #universe: number;
  readonly #bytes = new GrowingBytes();
  readonly #offsets = new GrowingNumbers();
  readonly #dense: Uint32Array[] = [];

  constructor(universe: number) {
    this.#universe = universe;
    this.#offsets.push(0);
  }

  /** Adds the next term's list: `docs[from..to]`, ascending, in which one may be repeated. */
  add(docs: Uint32Array, from: number, to: number): void {
    let count = 0;
    for (let at = from; at < to; at++) if (at === from || docs[at] !== docs[at - 1]) count++;
    this.#bytes.varint(count);
    if (isDense(count, this.#universe)) {
      const bits = new Uint32Array(wordsFor(this.#universe));
      for (let at = from; at < to; at++) setBit(bits, docs[at]!);
      this.#bytes.varint(this.#dense.length);
      this.#dense.push(bits);
    } else {
      let before = -1;
      for (let at = from; at < to; at++) {
        const doc = docs[at]!;
        if (doc === before) continue;
        this.#bytes.varint(doc - before - 1);
        before = doc;
      }
    }
    this.#offsets.push(this.#bytes.length);
  }

  finish(): PostingLists {
    const words = wordsFor(this.#universe);
    const dense = new Uint32Array(this.#dense.length * words);
    for (const [index, bits] of this.#dense.entries()) dense.set(bits, index * words);
    return { universe: this.#universe, offsets: this.#offsets.finish(), bytes: this.#bytes.finish(), dense };
  }
}

/** @returns how many documents the list has. */
export function listLength({ offsets, bytes }: PostingLists, list: number): number {
  let at = offsets[list]!;
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value >>> 0;
  }
}

/** Adds the documents of the lists `from` up to `to` to `into`. */
export function orLists(lists: PostingLists, from: number, to: number, into: Collector): void {
  const { universe, offsets, bytes, dense } = lists;
  for (let list = from; list < to; list++) {
    let at = offsets[list]!;
    const end = offsets[list + 1]!;
    let count = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      count |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (isDense(count, universe)) {
      const bits = into.bits();
      const start = readVarint(bytes, at) * bits.length;
      for (let word = 0; word < bits.length; word++) bits[word]! |= dense[start + word]!;
      continue;
    }
    const bits = into.bitsFor(count);
    let doc = -1;
    while (at < end) {
      let gap = bytes[at++]!;
      if (gap >= 0x80) {
        gap &= 0x7f;
        for (let shift = 7; ; shift += 7) {
          const byte = bytes[at++]!;
          gap |= (byte & 0x7f) << shift;
          if (byte < 0x80) break;
        }
      }
      doc += gap + 1;
      if (bits === undefined) into.add(doc);
      else bits[doc >>> 5]! |= 1 << (doc & 31);
    }
  }
}

/** @returns the documents of one list, ascending. */
export function docsOfList(lists: PostingLists, list: number): Uint32Array {
  const count = listLength(lists, list);
  if (isDense(count, lists.universe)) {
    const all = new Collector(lists.universe);
    orLists(lists, list, list + 1, all);
    return docsOfBits(all.bits(), count);
  }
  const docs = new Uint32Array(count);
  let at = lists.offsets[list]!;
  while (lists.bytes[at++]! >= 0x80);
  let doc = -1;
  for (let to = 0; to < count; to++) {
    let gap = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = lists.bytes[at++]!;
      gap |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    doc += gap + 1;
    docs[to] = doc;
  }
  return docs;
}

function readVarint(bytes: Uint8Array, from: number): number {
  let value = 0;
  let at = from;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value >>> 0;
  }
}

/**
 * @param terms for each pair its term, below `termCount`; @param docs and its document, in ascending order.
 * @returns the list of each term.
 */
export function listsByTerm(
  terms: ArrayLike<number>,
  docs: ArrayLike<number>,
  length: number,
  termCount: number,
  universe: number,
): PostingLists {
  const starts = new Uint32Array(termCount + 1);
  for (let at = 0; at < length; at++) starts[terms[at]! + 1]!++;
  for (let term = 0; term < termCount; term++) starts[term + 1]! += starts[term]!;
  const next = starts.slice();
  const placed = new Uint32Array(length);
  for (let at = 0; at < length; at++) placed[next[terms[at]!]!++] = docs[at]!;
  const writer = new PostingListsWriter(universe);
  for (let term = 0; term < termCount; term++) writer.add(placed, starts[term]!, starts[term + 1]!);
  return writer.finish();
}
