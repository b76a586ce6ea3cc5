import { GrowingNumbers, type TextTable, utf8 } from './bytes.ts';
import type { FoldedBytes } from './fold-bytes.ts';
import { listsByTerm } from './posting-lists.ts';
import type { ShortIndex } from './segment.ts';

const encoder = new TextEncoder();

/** How many bytes the character has that begins with `byte`. */
const sizeOf = (byte: number): number => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

/** Gathers texts of one or two characters, in ascending order of their documents. */
export class ShortIndexBuilder {
  /** Two ASCII characters as one number lead straight to their term; other texts go through the map. */
  readonly #quick = new Int32Array(1 << 14).fill(-1);
  readonly #codes = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #terms = new GrowingNumbers();
  readonly #docs = new GrowingNumbers();

  #add(doc: number, bytes: Uint8Array, start: number, end: number): void {
    const isQuick = end - start <= 2 && bytes[start]! < 0x80;
    const key = isQuick ? (end - start === 1 ? bytes[start]! : (bytes[start]! << 7) | bytes[start + 1]!) : -1;
    let term = isQuick ? this.#quick[key]! : -1;
    if (term < 0) {
      const text = utf8.decode(bytes.subarray(start, end));
      term = this.#codes.get(text) ?? this.#texts.length;
      if (term === this.#texts.length) {
        this.#texts.push(text);
        this.#codes.set(text, term);
      }
      if (isQuick) this.#quick[key] = term;
    }
    this.#terms.push(term);
    this.#docs.push(doc);
  }

  /** The first two characters of the value, from its start on. */
  addStart(doc: number, value: FoldedBytes): void {
    if (value.length > 0) this.#add(doc, value.bytes, 0, endOfTwo(value, 0));
  }

  /** The first two characters from each part on. */
  addStarts(doc: number, value: FoldedBytes): void {
    for (let part = 0; part < value.parts; part++) {
      const start = value.starts[part]!;
      this.#add(doc, value.bytes, start, endOfTwo(value, start));
    }
  }

  /** Every run of parts that is one or two characters long. */
  addRuns(doc: number, value: FoldedBytes): void {
    for (let part = 0; part < value.parts; part++) {
      const start = value.starts[part]!;
      const longest = endOfTwo(value, start);
      for (let last = part; last < value.parts && value.endOfPart(last) <= longest; last++) {
        this.#add(doc, value.bytes, start, value.endOfPart(last));
      }
    }
  }

  finish(universe: number): ShortIndex {
    const sorted = this.#texts.map((text, term) => ({ bytes: encoder.encode(text), term }));
    sorted.sort((a, b) => compare(a.bytes, b.bytes));
    const places = new Uint32Array(sorted.length);
    for (const [place, { term }] of sorted.entries()) places[term] = place;
    const terms = this.#terms.finish().map((term) => places[term]!);
    return {
      terms: tableOf(sorted.map(({ bytes }) => bytes)),
      lists: listsByTerm(terms, this.#docs.numbers, terms.length, sorted.length, universe),
    };
  }
}

function endOfTwo({ bytes, length }: FoldedBytes, start: number): number {
  const second = start + sizeOf(bytes[start]!);
  return second < length ? second + sizeOf(bytes[second]!) : second;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at < 0 ? a.length - b.length : a[at]! - (b[at] ?? -1);
}

function tableOf(texts: readonly Uint8Array[]): TextTable {
  const offsets = new Uint32Array(texts.length + 1);
  for (const [index, text] of texts.entries()) offsets[index + 1] = offsets[index]! + text.length;
  const bytes = new Uint8Array(offsets[texts.length]!);
  for (const [index, text] of texts.entries()) bytes.set(text, offsets[index]!);
  return { bytes, offsets };
}
