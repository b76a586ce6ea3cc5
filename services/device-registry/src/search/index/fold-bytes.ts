import { foldCharacter } from '@quell/device-query/fold';
import type { GrowingBytes } from './bytes.ts';

/** What each byte of ASCII folds to: a letter or digit, 0x20 where it separates, 0 where it is dropped. */
const asciiFolds = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const folded = foldCharacter(String.fromCharCode(code));
  return folded === '' ? 0 : folded.charCodeAt(0);
});
const space = 0x20;
const longestFold = 64;
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const encoder = new TextEncoder();

/** What other characters fold to, by code point; filled as they occur. */
const otherFolds: (Uint8Array | undefined)[] = [];

function foldOther(code: number): Uint8Array {
  let folded = otherFolds[code];
  if (folded === undefined) {
    folded = encoder.encode(foldCharacter(String.fromCodePoint(code)));
    otherFolds[code] = folded;
  }
  return folded;
}

/** A text folded into bytes, for one use at a time: programs fold millions of them and keep none. */
export class FoldedBytes {
  /** Letters and digits of all parts in a row, UTF-8. */
  bytes = new Uint8Array(1024);
  length = 0;
  /** Where each part begins in `bytes`. */
  starts = new Uint32Array(1024);
  parts = 0;
  #separated = true;

  /** Folds the UTF-8 text `from[start..end]`. */
  fold(from: Uint8Array, start: number, end: number): void {
    this.#clear(end - start);
    let length = 0;
    let parts = 0;
    let separated = true;
    for (let at = start; at < end; at++) {
      const byte = from[at]!;
      if (byte >= 0x80) {
        this.length = length;
        this.parts = parts;
        this.#separated = separated;
        at += this.#foldOther(from, at) - 1;
        ({ length, parts } = this);
        separated = this.#separated;
        continue;
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

  /** @returns how many bytes the character at `at` has, which is folded. */
  #foldOther(from: Uint8Array, at: number): number {
    const first = from[at]!;
    const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    let code = size === 2 ? first & 0x1f : size === 3 ? first & 0x0f : first & 0x07;
    for (let next = 1; next < size; next++) code = (code << 6) | (from[at + next]! & 0x3f);
    this.#append(foldOther(code));
    return size;
  }

  #append(folded: Uint8Array): void {
    for (let at = 0; at < folded.length; at++) {
      const byte = folded[at]!;
      if (byte === space) this.#separated = true;
      else {
        if (this.#separated) this.starts[this.parts++] = this.length;
        this.#separated = false;
        this.bytes[this.length++] = byte;
      }
    }
  }

  /** Writes what `naturalKey` says of the folded text. */
  writeNaturalKey(into: GrowingBytes): void {
    for (let part = 0; part < this.parts; part++) {
      if (part > 0) into.byte(space);
      const end = this.endOfPart(part);
      for (let at = this.starts[part]!; at < end; ) {
        if (!isDigit(this.bytes[at]!)) {
          into.byte(this.bytes[at++]!);
          continue;
        }
        let last = at;
        while (last < end && isDigit(this.bytes[last]!)) last++;
        while (at < last - 1 && this.bytes[at] === 0x30) at++;
        into.byte(0x30);
        into.text(String.fromCodePoint(0x30 + last - at));
        into.copy(this.bytes, at, last);
        at = last;
      }
    }
  }

  foldText(text: string): void {
    this.#clear(text.length);
    for (const character of text) this.#append(foldOther(character.codePointAt(0)!));
  }

  #clear(size: number): void {
    // A character of Unicode folds to at most 54 bytes, in 18 parts.
    if (size * longestFold > this.bytes.length) {
      this.bytes = new Uint8Array(size * longestFold);
      this.starts = new Uint32Array(size * longestFold);
    }
    this.#separated = true;
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
