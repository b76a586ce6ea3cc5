import { foldCharacter, foldText } from '@quell/device-query/fold';

/** What each byte of ASCII folds to: a letter or digit, 0x20 where it separates, 0 where it is dropped. */
const asciiFolds = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const folded = foldCharacter(String.fromCharCode(code));
  return folded === '' ? 0 : folded.charCodeAt(0);
});
const space = 0x20;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A text folded into bytes, for one use at a time: programs fold millions of them and keep none. */
export class FoldedBytes {
  /** Letters and digits of all parts in a row, UTF-8. */
  bytes = new Uint8Array(1024);
  length = 0;
  /** Where each part begins in `bytes`. */
  starts = new Uint32Array(512);
  parts = 0;

  /** Folds the UTF-8 text `from[start..end]`. */
  fold(from: Uint8Array, start: number, end: number): void {
    this.#clear(end - start);
    let { length, parts } = this;
    let separated = true;
    for (let at = start; at < end; at++) {
      const byte = from[at]!;
      if (byte >= 0x80) {
        this.foldText(decoder.decode(from.subarray(start, end)));
        return;
      }
      const folded = asciiFolds[byte]!;
      if (folded > space) {
        if (separated) this.starts[parts++] = length;
        separated = false;
        this.bytes[length++] = folded;
      } else if (folded === space) separated = true;
    }
    this.length = length;
    this.parts = parts;
  }

  foldText(text: string): void {
    const folded = encoder.encode(foldText(text));
    this.#clear(folded.length);
    let separated = true;
    for (const byte of folded) {
      if (byte === space) separated = true;
      else {
        if (separated) this.starts[this.parts++] = this.length;
        separated = false;
        this.bytes[this.length++] = byte;
      }
    }
  }

  #clear(size: number): void {
    if (size > this.bytes.length) {
      this.bytes = new Uint8Array(size * 2);
      this.starts = new Uint32Array(size * 2);
    } else if (size > this.starts.length) this.starts = new Uint32Array(size * 2);
    this.length = 0;
    this.parts = 0;
  }

  endOfPart(part: number): number {
    return part + 1 < this.parts ? this.starts[part + 1]! : this.length;
  }

  isAt(word: Uint8Array, start: number): boolean {
    if (start + word.length > this.length) return false;
    for (let at = 0; at < word.length; at++) if (this.bytes[start + at] !== word[at]) return false;
    return true;
  }

  /** @returns whether the word begins the parts from some part on, and, unless `prefix`, ends where a part ends. */
  hasRun(word: Uint8Array, prefix: boolean): boolean {
    for (let part = 0; part < this.parts; part++) {
      if (!this.isAt(word, this.starts[part]!)) continue;
      const end = this.starts[part]! + word.length;
      if (prefix || end === this.length) return true;
      for (let next = part + 1; next < this.parts; next++) if (this.starts[next] === end) return true;
    }
    return false;
  }

  has(word: Uint8Array): boolean {
    for (let start = 0; start + word.length <= this.length; start++) if (this.isAt(word, start)) return true;
    return false;
  }

  equals(word: Uint8Array): boolean {
    return this.length === word.length && this.isAt(word, 0);
  }
}
