import { LRUCache } from 'lru-cache';

interface Kept {
  readonly value: unknown;
  readonly size: number;
}

/** What a value takes beside itself: its key and its place among the others. */
const overhead = 200;

/** What was found and counted lately, up to so many bytes together. What it keeps is never wrong, since a segment never changes. */
export class AnswerCache {
  readonly #kept: LRUCache<string, Kept>;
  /** Whatever else is asked for: every search begins with these, and they cost most. */
  readonly #always = new Map<string, Kept>();

  constructor(bytes: number) {
    this.#kept = new LRUCache({ maxSize: bytes, sizeCalculation: ({ size }) => size });
  }

  /** In bytes. */
  get size(): number {
    let always = 0;
    for (const { size } of this.#always.values()) always += size;
    return this.#kept.calculatedSize + always;
  }

  /** @returns what is kept under the key, else what `make` returns, which is kept from now on; `size` in bytes. */
  keep<T>(key: string, always: boolean, make: () => { readonly value: T; readonly size: number }): T {
    const known = this.find<T>(key);
    if (known !== undefined) return known;
    const { value, size } = make();
    const kept = { value, size: size + key.length * 2 + overhead };
    if (always) this.#always.set(key, kept);
    else this.#kept.set(key, kept);
    return value;
  }

  find<T>(key: string): T | undefined {
    return (this.#always.get(key) ?? this.#kept.get(key))?.value as T | undefined;
  }

  /** Says that a value that is kept takes so many bytes now. */
  resize(key: string, value: unknown, size: number): void {
    const kept = { value, size: size + key.length * 2 + overhead };
    if (this.#always.has(key)) this.#always.set(key, kept);
    else if (this.#kept.has(key)) this.#kept.set(key, kept);
  }
}
