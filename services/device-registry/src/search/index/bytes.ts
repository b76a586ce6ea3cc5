const encoder = new TextEncoder();
/** A text may begin with U+FEFF, which is then a part of it and no byte order mark. */
export const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes that grow while an index is built. */
export class GrowingBytes {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
  }

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(Math.ceil(this.bytes.length * 1.5), this.length + more));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Seven bits a byte, least significant first; any integer up to 2^32. */
  varint(value: number): void {
    this.reserve(5);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  copy(from: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    // Most pieces are a few bytes: a loop beats the call.
    if (end - start < 32) for (let at = start; at < end; at++) this.bytes[this.length++] = from[at]!;
    else {
      this.bytes.set(from.subarray(start, end), this.length);
      this.length += end - start;
    }
  }

  /** `text` as UTF-8. */
  text(text: string): void {
    this.reserve(text.length * 3);
    const { bytes, length } = this;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) {
        this.length += encoder.encodeInto(text, bytes.subarray(length)).written;
        return;
      }
      bytes[length + index] = code;
    }
    this.length = length + text.length;
  }

  /** How many bytes, then `text` as UTF-8. */
  sizedText(text: string): void {
    this.reserve(text.length * 3 + 5);
    const start = this.length;
    if (text.length < 0x80) {
      this.length++;
      this.text(text);
      const size = this.length - start - 1;
      if (size < 0x80) {
        this.bytes[start] = size;
        return;
      }
    }
    this.length = start;
    const encoded = encoder.encode(text);
    this.varint(encoded.length);
    this.copy(encoded, 0, encoded.length);
  }

  /** @returns exactly the bytes written, in a buffer of their own. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }
}

/** Numbers below 2^32 that grow while an index is built. */
export class GrowingNumbers {
  numbers: Uint32Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 1024) {
    this.numbers = new Uint32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.numbers.length) {
      const grown = new Uint32Array(Math.ceil(this.numbers.length * 1.5));
      grown.set(this.numbers);
      this.numbers = grown;
    }
    this.numbers[this.length++] = value;
  }

  finish(): Uint32Array<ArrayBuffer> {
    return this.numbers.slice(0, this.length);
  }
}

/** Many texts in a row: text `i` is `bytes[offsets[i]..offsets[i + 1]]`. */
export interface TextTable {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly offsets: Uint32Array<ArrayBuffer>;
}

/** Below 0, 0 or above 0 as the text stands before, at or after `wanted` in the order of bytes. */
export function compareBytes(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): number {
  const length = Math.min(end - start, wanted.length);
  for (let at = 0; at < length; at++) {
    const difference = bytes[start + at]! - wanted[at]!;
    if (difference !== 0) return difference;
  }
  return end - start - wanted.length;
}

/** As `compareBytes`, but a text that begins with `wanted` is equal to it. */
export function compareBeginning(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): number {
  return compareBytes(bytes, start, Math.min(end, start + wanted.length), wanted);
}

/** @returns the first of the sorted texts from `low` up to `high` for which `isPast` holds, else `high`. */
export function firstWhere(low: number, high: number, isPast: (index: number) => boolean): number {
  let from = low;
  let to = high;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (isPast(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** @returns which of the sorted texts begin with `wanted`: from, and up to but without. */
export function rangeOf({ bytes, offsets }: TextTable, wanted: Uint8Array): [from: number, to: number] {
  const beginning = (index: number) => compareBeginning(bytes, offsets[index]!, offsets[index + 1]!, wanted);
  const count = offsets.length - 1;
  const from = firstWhere(0, count, (index) => beginning(index) >= 0);
  return [from, firstWhere(from, count, (index) => beginning(index) > 0)];
}

/** @returns whether the text equals `wanted`. */
export function isText({ bytes, offsets }: TextTable, index: number, wanted: Uint8Array): boolean {
  return compareBytes(bytes, offsets[index]!, offsets[index + 1]!, wanted) === 0;
}
