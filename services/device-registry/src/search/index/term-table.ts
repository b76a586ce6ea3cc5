import { GrowingBytes, GrowingNumbers } from './bytes.ts';

/** Distinct texts by number, in the order in which they were first seen; looked up by their bytes, without a string for each look. */
export class TermTable {
  readonly #bytes = new GrowingBytes(1 << 12);
  readonly #offsets = new GrowingNumbers();
  #slots = new Int32Array(1 << 12).fill(-1);
  #count = 0;

  constructor() {
    this.#offsets.push(0);
  }

  get count(): number {
    return this.#count;
  }

  /** The texts so far: text `i` is `bytes[offsets[i]..offsets[i + 1]]`. Good until the next new term. */
  get texts(): { readonly bytes: Uint8Array<ArrayBuffer>; readonly offsets: Uint32Array<ArrayBuffer> } {
    return { bytes: this.#bytes.bytes, offsets: this.#offsets.numbers };
  }

  /** @returns how many bytes all texts have together. */
  get length(): number {
    return this.#bytes.length;
  }

  /** @returns the number of the text `bytes[start..end]`; the next free one, `count` until now, when it is new. */
  termOf(bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(bytes, start, end) & mask;
    for (let term = this.#slots[slot]!; term >= 0; term = this.#slots[slot]!) {
      if (this.#equals(term, bytes, start, end)) return term;
      slot = (slot + 1) & mask;
    }
    const term = this.#count++;
    this.#slots[slot] = term;
    this.#bytes.copy(bytes, start, end);
    this.#offsets.push(this.#bytes.length);
    if (this.#count * 2 > this.#slots.length) this.#grow();
    return term;
  }

  #equals(term: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#offsets.numbers[term]!;
    if (this.#offsets.numbers[term + 1]! - from !== end - start) return false;
    for (let at = start; at < end; at++) if (this.#bytes.bytes[from + at - start] !== bytes[at]) return false;
    return true;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 4).fill(-1);
    const mask = this.#slots.length - 1;
    for (let term = 0; term < this.#count; term++) {
      let slot = hashOf(this.#bytes.bytes, this.#offsets.numbers[term]!, this.#offsets.numbers[term + 1]!) & mask;
      while (this.#slots[slot]! >= 0) slot = (slot + 1) & mask;
      this.#slots[slot] = term;
    }
  }
}

/** FNV-1a, its high bits folded into the low ones that choose the slot. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
