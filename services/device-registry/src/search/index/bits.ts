/** A set of documents, by ordinal: as bits when many, as ascending ordinals when few. Never changed once made. */
export interface DocSet {
  readonly count: number;
  readonly bits: Uint32Array | null;
  readonly docs: Uint32Array | null;
}

export const wordsFor = (count: number): number => (count + 31) >>> 5;

export function setBit(bits: Uint32Array, doc: number): void {
  bits[doc >>> 5]! |= 1 << (doc & 31);
}

export function hasBit(bits: Uint32Array, doc: number): boolean {
  return ((bits[doc >>> 5]! >>> (doc & 31)) & 1) === 1;
}

function orInto(into: Uint32Array, other: Uint32Array): void {
  for (let word = 0; word < into.length; word++) into[word]! |= other[word]!;
}

export function countBits(bits: Uint32Array): number {
  let count = 0;
  for (let word = 0; word < bits.length; word++) {
    let value = bits[word]!;
    value -= (value >>> 1) & 0x55555555;
    value = (value & 0x33333333) + ((value >>> 2) & 0x33333333);
    count += Math.imul((value + (value >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}

export const emptySet: DocSet = { count: 0, bits: null, docs: new Uint32Array(0) };

export function setOfDocs(docs: Uint32Array): DocSet {
  return { count: docs.length, bits: null, docs };
}

/** Gathers documents in any order, each any number of times; few of them never touch a bit. */
export class Collector {
  readonly #universe: number;
  readonly #limit: number;
  #docs = new Uint32Array(64);
  #count = 0;
  #sorted = true;
  #bits: Uint32Array | undefined;

  constructor(universe: number) {
    this.#universe = universe;
    this.#limit = wordsFor(universe) >>> 1;
  }

  add(doc: number): void {
    if (this.#bits !== undefined) {
      this.#bits[doc >>> 5]! |= 1 << (doc & 31);
      return;
    }
    if (this.#count > 0 && doc <= this.#docs[this.#count - 1]!) this.#sorted = false;
    if (this.#count === this.#docs.length) this.#grow();
    if (this.#bits !== undefined) this.add(doc);
    else this.#docs[this.#count++] = doc;
  }

  #grow(): void {
    if (this.#isMuch(this.#count + 1)) this.bits();
    else {
      const grown = new Uint32Array(this.#docs.length * 2);
      grown.set(this.#docs);
      this.#docs = grown;
    }
  }

  /** Going through all bits once is quicker than sorting more than this. */
  #isMuch(count: number): boolean {
    return count > this.#limit || (count > 1024 && !this.#sorted);
  }

  /** @returns the bits to add to from now on, where `more` documents are to come that would not do as a list; else nothing. */
  bitsFor(more: number): Uint32Array | undefined {
    if (this.#bits !== undefined) return this.#bits;
    const count = this.#count + more;
    return count > this.#limit || (this.#count > 0 && count > 1024) ? this.bits() : undefined;
  }

  bits(): Uint32Array {
    if (this.#bits === undefined) {
      this.#bits = new Uint32Array(wordsFor(this.#universe));
      for (let at = 0; at < this.#count; at++) setBit(this.#bits, this.#docs[at]!);
    }
    return this.#bits;
  }

  addSet({ bits, docs }: DocSet): void {
    if (bits !== null) orInto(this.bits(), bits);
    else for (let at = 0; at < docs!.length; at++) this.add(docs![at]!);
  }

  finish(): DocSet {
    if (this.#bits !== undefined) return setOfBits(this.#bits);
    if (this.#count === 0) return emptySet;
    const docs = this.#docs.slice(0, this.#count);
    if (this.#sorted) return setOfDocs(docs);
    docs.sort();
    let to = 1;
    for (let at = 1; at < docs.length; at++) if (docs[at] !== docs[at - 1]) docs[to++] = docs[at]!;
    return setOfDocs(docs.slice(0, to));
  }
}

/** @returns the set of the bits that are on; takes the array over. Below one in 64 the ordinals are shorter, and quicker to go through. */
export function setOfBits(bits: Uint32Array): DocSet {
  const count = countBits(bits);
  if (count === 0) return emptySet;
  if (count * 2 > bits.length) return { count, bits, docs: null };
  return { count, bits: null, docs: docsOfBits(bits, count) };
}

/** @returns the ordinals of the bits that are on, of which there are `count`. */
export function docsOfBits(bits: Uint32Array, count: number): Uint32Array {
  const docs = new Uint32Array(count);
  let at = 0;
  for (let word = 0; word < bits.length; word++) {
    for (let value = bits[word]!; value !== 0; value &= value - 1) {
      docs[at++] = (word << 5) + (31 - Math.clz32(value & -value));
    }
  }
  return docs;
}

/** @returns the members, ascending. */
export function docsOf({ count, bits, docs }: DocSet): Uint32Array {
  return docs ?? docsOfBits(bits!, count);
}

/** @returns the first ordinal in `docs` from `doc` on, as an index into `docs`. */
export function firstFrom(docs: Uint32Array, doc: number): number {
  let low = 0;
  let high = docs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (docs[middle]! < doc) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function hasDoc({ bits, docs }: DocSet, doc: number): boolean {
  return bits === null ? docs![firstFrom(docs!, doc)] === doc : hasBit(bits, doc);
}

/**
 * @param into where the bits go if there are many; else into new ones.
 * @returns what is in every one of the sets; at least one is given.
 */
export function intersect(sets: readonly DocSet[], into?: Uint32Array): DocSet {
  if (sets.length === 1) return sets[0]!;
  const lists = sets.filter(({ docs }) => docs !== null);
  if (lists.length === 0) {
    const bits = into ?? new Uint32Array(sets[0]!.bits!.length);
    andInto(bits, sets[0]!.bits!, sets[1]!.bits!);
    for (const { bits: other } of sets.slice(2)) andInto(bits, bits, other!);
    return setOfBits(bits);
  }
  const shortest = lists.reduce((least, set) => (set.count < least.count ? set : least));
  let kept = shortest.docs!;
  for (const set of sets)
    if (set !== shortest) kept = set.bits === null ? inBoth(kept, set.docs!) : inBits(kept, set.bits);
  return kept.length === 0 ? emptySet : setOfDocs(kept);
}

function inBits(docs: Uint32Array, bits: Uint32Array): Uint32Array {
  const kept = new Uint32Array(docs.length);
  let length = 0;
  for (let at = 0; at < docs.length; at++) if (hasBit(bits, docs[at]!)) kept[length++] = docs[at]!;
  return kept.subarray(0, length);
}

function inBoth(docs: Uint32Array, others: Uint32Array): Uint32Array {
  const kept = new Uint32Array(docs.length);
  let length = 0;
  let other = 0;
  for (let at = 0; at < docs.length; at++) {
    const doc = docs[at]!;
    while (other < others.length && others[other]! < doc) other++;
    if (others[other] === doc) kept[length++] = doc;
  }
  return kept.subarray(0, length);
}

function andInto(into: Uint32Array, left: Uint32Array, right: Uint32Array): void {
  for (let word = 0; word < into.length; word++) into[word] = left[word]! & right[word]!;
}

/** @returns how many bytes the set holds. */
export function sizeOfSet({ bits, docs }: DocSet): number {
  return (bits?.byteLength ?? 0) + (docs?.byteLength ?? 0) + 64;
}

/** @returns the same set as bits, which answer `hasDoc` at once. */
export function asBits(set: DocSet, universe: number): DocSet {
  if (set.bits !== null) return set;
  const bits = new Uint32Array(wordsFor(universe));
  for (const doc of set.docs!) setBit(bits, doc);
  return { count: set.count, bits, docs: null };
}
