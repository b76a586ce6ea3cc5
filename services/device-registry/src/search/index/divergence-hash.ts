import { utf8 } from './bytes.ts';

const firstSeed = 0xdeadbeef;
const secondSeed = 0x41c6ce57;
const firstFactor = 2654435761;
const secondFactor = 1597334677;

/**
 * A hash of which devices there are and at which versions, whatever the order in which they came: two replicas at the same position must
 * have the same. Adding a device and taking it away are the same step.
 */
export class DivergenceHash {
  parts: [number, number];

  constructor([first, second]: readonly [number, number] = [0, 0]) {
    this.parts = [first, second];
  }

  toggle(id: string, version: number): void {
    let first = firstSeed ^ version;
    let second = secondSeed ^ version;
    for (let at = 0; at < id.length; at++) {
      const unit = id.charCodeAt(at);
      first = Math.imul(first ^ unit, firstFactor);
      second = Math.imul(second ^ unit, secondFactor);
    }
    this.#toggle(first, second);
  }

  /** The same for an id in UTF-8: `bytes[start..end]`. */
  toggleBytes(bytes: Uint8Array, start: number, end: number, version: number): void {
    let first = firstSeed ^ version;
    let second = secondSeed ^ version;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte >= 0x80) {
        this.toggle(utf8.decode(bytes.subarray(start, end)), version);
        return;
      }
      first = Math.imul(first ^ byte, firstFactor);
      second = Math.imul(second ^ byte, secondFactor);
    }
    this.#toggle(first, second);
  }

  #toggle(unmixedFirst: number, unmixedSecond: number): void {
    let [first, second] = [unmixedFirst, unmixedSecond];
    first = Math.imul(first ^ (first >>> 16), 2246822507) ^ Math.imul(second ^ (second >>> 13), 3266489909);
    second = Math.imul(second ^ (second >>> 16), 2246822507) ^ Math.imul(first ^ (first >>> 13), 3266489909);
    this.parts = [(this.parts[0] ^ first) >>> 0, (this.parts[1] ^ second) >>> 0];
  }

  /** 16 hexadecimal digits. */
  get text(): string {
    return this.parts.map((part) => part.toString(16).padStart(8, '0')).join('');
  }
}
