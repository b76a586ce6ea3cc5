import { FILE_LIMITS, Refusal, tooLarge } from '../formats/refusal.ts';
import type { PlistEntry, PlistValue } from './plist-value.ts';

/** 2001-01-01, from which property lists count, in milliseconds since 1970. */
const EPOCH_MS = 978_307_200_000;
const HEADER_BYTES = 8;
const TRAILER_BYTES = 32;

/**
 * Reads a binary property list (`bplist00`) within bounds. plist@5 has none: objects that share others unfold without end, keys that come
 * twice or are `__proto__` are taken. Source of the form: CFBinaryPList.c.
 */
export function readBinaryPlist(bytes: Uint8Array): PlistValue {
  return new Reader(bytes).read();
}

class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  /** Where objects end and the table of their places begins. */
  readonly #tableAt: number;
  readonly #count: number;
  readonly #offsetBytes: number;
  readonly #refBytes: number;
  readonly #open = new Set<number>();
  #nodes = 0;
  #characters = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const trailer = bytes.byteLength - TRAILER_BYTES;
    if (trailer < HEADER_BYTES + 1)
      throw new Refusal('malformed', 'the file ends too early', { byte: bytes.byteLength });
    this.#offsetBytes = this.#view.getUint8(trailer + 6);
    this.#refBytes = this.#view.getUint8(trailer + 7);
    this.#count = this.#unsigned(trailer + 8, 8);
    this.#tableAt = this.#unsigned(trailer + 24, 8);
    if (this.#count > FILE_LIMITS.nodes) throw tooLarge('nodes', { byte: trailer + 8 });
    const sizes = [this.#offsetBytes, this.#refBytes].every((size) => size >= 1 && size <= 8);
    const fits =
      this.#tableAt >= HEADER_BYTES && this.#tableAt + this.#count * this.#offsetBytes <= trailer && this.#count >= 1;
    if (!sizes || !fits) throw new Refusal('malformed', 'a trailer that does not fit the file', { byte: trailer });
  }

  read(): PlistValue {
    const trailer = this.#bytes.byteLength - TRAILER_BYTES;
    return this.#object(this.#unsigned(trailer + 16, 8), trailer + 16);
  }

  /** @param from where the reference to it stands */
  #object(index: number, from: number): PlistValue {
    if (index >= this.#count) throw new Refusal('malformed', 'a reference to no object', { byte: from });
    const offset = this.#unsigned(this.#tableAt + index * this.#offsetBytes, this.#offsetBytes);
    if (offset < HEADER_BYTES || offset >= this.#tableAt) {
      throw new Refusal('malformed', 'an object outside the file', { byte: from });
    }
    const at = { byte: offset };
    if (this.#open.has(index)) throw new Refusal('malformed', 'an object that contains itself', at);
    if (this.#open.size >= FILE_LIMITS.depth) throw tooLarge('depth', at);
    // What is shared counts each time: a few bytes can unfold to any size.
    this.#nodes += 1;
    if (this.#nodes > FILE_LIMITS.nodes) throw tooLarge('nodes', at);
    this.#open.add(index);
    const value = this.#value(offset);
    this.#open.delete(index);
    return value;
  }

  #value(offset: number): PlistValue {
    const at = { byte: offset };
    const marker = this.#view.getUint8(offset);
    const low = marker & 0x0f;
    switch (marker >> 4) {
      case 0x0:
        if (marker === 0x08 || marker === 0x09) return { at, kind: 'boolean', value: marker === 0x09 };
        throw new Refusal('malformed', 'a value that profiles do not have', at);
      case 0x1:
        return { at, kind: 'number', value: this.#integer(offset, 1 << low) };
      case 0x2:
        return { at, kind: 'number', value: this.#real(offset, 1 << low) };
      case 0x3: {
        const date = new Date(this.#real(offset, 1 << low) * 1000 + EPOCH_MS);
        if (Number.isNaN(date.getTime())) throw new Refusal('malformed', 'not a date', at);
        return { at, kind: 'date', value: date.toISOString() };
      }
      case 0x4:
        this.#sized(offset, 1);
        return { at, kind: 'data' };
      case 0x5:
      case 0x6:
        return { at, kind: 'string', value: this.#string(offset) };
      case 0xa: {
        const { start, size } = this.#sized(offset, this.#refBytes);
        return { at, kind: 'array', items: Array.from({ length: size }, (_, item) => this.#item(start, item)) };
      }
      case 0xd:
        return { at, kind: 'dict', entries: this.#entries(offset) };
      default:
        throw new Refusal('malformed', 'a value that profiles do not have', at);
    }
  }

  #entries(offset: number): ReadonlyMap<string, PlistEntry> {
    const { start, size } = this.#sized(offset, 2 * this.#refBytes);
    const entries = new Map<string, PlistEntry>();
    for (let item = 0; item < size; item += 1) {
      const key = this.#item(start, item);
      if (key.kind !== 'string') throw new Refusal('malformed', 'a key that is no text', key.at);
      if (entries.has(key.value)) throw new Refusal('malformed', 'a key that this dictionary already has', key.at);
      entries.set(key.value, { keyAt: key.at, value: this.#item(start, size + item) });
    }
    return entries;
  }

  #item(start: number, item: number): PlistValue {
    const from = start + item * this.#refBytes;
    return this.#object(this.#unsigned(from, this.#refBytes), from);
  }

  #string(offset: number): string {
    const wide = this.#view.getUint8(offset) >> 4 === 0x6;
    const { start, size } = this.#sized(offset, wide ? 2 : 1);
    this.#characters += size;
    if (this.#characters > FILE_LIMITS.characters) throw tooLarge('characters', { byte: offset });
    const units = this.#bytes.subarray(start, start + size * (wide ? 2 : 1));
    const text = new TextDecoder(wide ? 'utf-16be' : 'latin1', { ignoreBOM: true }).decode(units);
    if (wide ? text.includes('\ufffd') && !roundTrips(text, units) : units.some((unit) => unit > 0x7f)) {
      throw new Refusal('malformed', 'bytes that are no text', { byte: offset });
    }
    return text;
  }

  #integer(offset: number, size: number): number {
    this.#within(offset, offset + 1 + size);
    // One and two and four bytes are unsigned, eight are signed; sixteen hold what eight cannot.
    const value = size < 8 ? this.#unsigned(offset + 1, size) : Number(this.#view.getBigInt64(offset + 1 + size - 8));
    const sign = size === 16 ? this.#view.getBigInt64(offset + 1) : null;
    if (!Number.isSafeInteger(value) || size > 16 || (sign !== null && sign !== (value < 0 ? -1n : 0n))) {
      throw new Refusal('malformed', 'an integer beyond 2^53', { byte: offset });
    }
    return value;
  }

  #real(offset: number, size: number): number {
    this.#within(offset, offset + 1 + size);
    if (size !== 4 && size !== 8) throw new Refusal('malformed', 'not a real', { byte: offset });
    const value = size === 4 ? this.#view.getFloat32(offset + 1) : this.#view.getFloat64(offset + 1);
    if (!Number.isFinite(value)) throw new Refusal('malformed', 'not a real', { byte: offset });
    return value;
  }

  /** How many units an object has, and where they start; all of them lie within the file. */
  #sized(offset: number, unitBytes: number): { start: number; size: number } {
    const low = this.#view.getUint8(offset) & 0x0f;
    let [start, size] = [offset + 1, low];
    if (low === 0x0f) {
      this.#within(offset, offset + 2);
      const marker = this.#view.getUint8(offset + 1);
      const bytes = 1 << (marker & 0x0f);
      if (marker >> 4 !== 0x1 || bytes > 8)
        throw new Refusal('malformed', 'a length that is no number', { byte: offset });
      this.#within(offset, offset + 2 + bytes);
      [start, size] = [offset + 2 + bytes, this.#unsigned(offset + 2, bytes)];
    }
    this.#within(offset, start + size * unitBytes);
    return { start, size };
  }

  #within(offset: number, end: number): void {
    if (end > this.#tableAt) throw new Refusal('malformed', 'an object that ends outside the file', { byte: offset });
  }

  /** Big-endian; beyond 2^53 merely too large for every bound here. */
  #unsigned(offset: number, size: number): number {
    let value = 0;
    for (let index = 0; index < size; index += 1) value = value * 256 + this.#view.getUint8(offset + index);
    return value;
  }
}

function roundTrips(text: string, units: Uint8Array): boolean {
  return Buffer.from(text, 'utf16le').swap16().equals(units);
}
