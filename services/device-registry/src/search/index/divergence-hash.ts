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
    let first = 0xdeadbeef ^ version;
    let second = 0x41c6ce57 ^ version;
    for (let at = 0; at < id.length; at++) {
      const unit = id.charCodeAt(at);
      first = Math.imul(first ^ unit, 2654435761);
      second = Math.imul(second ^ unit, 1597334677);
    }
    first = Math.imul(first ^ (first >>> 16), 2246822507) ^ Math.imul(second ^ (second >>> 13), 3266489909);
    second = Math.imul(second ^ (second >>> 16), 2246822507) ^ Math.imul(first ^ (first >>> 13), 3266489909);
    this.parts = [(this.parts[0] ^ first) >>> 0, (this.parts[1] ^ second) >>> 0];
  }

  /** 16 hexadecimal digits. */
  get text(): string {
    return this.parts.map((part) => part.toString(16).padStart(8, '0')).join('');
  }
}
