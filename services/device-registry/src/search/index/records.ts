import { type GrowingBytes, utf8 } from './bytes.ts';
import type { IndexedDevice } from './indexed-device.ts';

/*
 * The texts of a device as stored: id, label, then host names, IPs, MACs and tags, each behind their number, then the agent id or
 * nothing. Each text is its size in bytes and its UTF-8.
 */

/** The fields that a record holds; the others are columns. */
export type RecordTexts = Pick<IndexedDevice, 'id' | 'label' | 'hostnames' | 'ips' | 'macs' | 'tags' | 'agentId'>;

export function writeRecord(into: GrowingBytes, device: RecordTexts): void {
  into.sizedText(device.id);
  into.sizedText(device.label);
  for (const values of [device.hostnames, device.ips, device.macs, device.tags]) {
    into.varint(values.length);
    for (const value of values) into.sizedText(value);
  }
  into.sizedText(device.agentId ?? '');
}

/** Walks over records, text by text: `next()` moves on, and `start` and `end` then delimit the text's bytes. */
export class RecordCursor {
  readonly bytes: Uint8Array;
  start = 0;
  end = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Goes to the record that begins at `offset`, on its id. */
  open(offset: number): void {
    this.end = offset;
    this.next();
  }

  /** @returns the number that stands next. */
  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.end++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  next(): void {
    const size = this.number();
    this.start = this.end;
    this.end += size;
  }

  skipList(): void {
    for (let left = this.number(); left > 0; left--) this.next();
  }

  text(): string {
    const { bytes, start, end } = this;
    if (end - start > 64) return utf8.decode(bytes.subarray(start, end));
    let text = '';
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte >= 0x80) return utf8.decode(bytes.subarray(start, end));
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #texts(): string[] {
    return Array.from({ length: this.number() }, () => {
      this.next();
      return this.text();
    });
  }

  /** @returns the whole record at `offset`. */
  read(offset: number): RecordTexts {
    this.open(offset);
    const id = this.text();
    this.next();
    const label = this.text();
    const texts = { id, label, hostnames: this.#texts(), ips: this.#texts(), macs: this.#texts(), tags: this.#texts() };
    this.next();
    return this.start === this.end ? texts : { ...texts, agentId: this.text() };
  }
}
