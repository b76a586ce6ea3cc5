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

export function orInto(into: Uint32Array, other: Uint32Array): void {
  for (let word = 0; word < into.length; word++) into[word]! |= other[word]!;
}

export function orSetInto(into: Uint32Array, { bits, docs }: DocSet): void {
  if (bits !== null) orInto(into, bits);
  else for (let at = 0; at < docs!.length; at++) setBit(into, docs![at]!);
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

/** @returns what is in every one of the sets; at least one is given. */
export function intersect(sets: readonly DocSet[]): DocSet {
  if (sets.length === 1) return sets[0]!;
  const smallest = sets.reduce((least, set) => (set.count < least.count ? set : least));
  if (smallest.docs !== null) {
    const others = sets.filter((set) => set !== smallest);
    return setOfDocs(smallest.docs.filter((doc) => others.every((set) => hasDoc(set, doc))));
  }
  const bits = smallest.bits!.slice();
  for (const set of sets) {
    const other = set.bits!;
    if (set !== smallest) for (let word = 0; word < bits.length; word++) bits[word]! &= other[word]!;
  }
  return setOfBits(bits);
}

/** @returns how many bytes the set holds. */
export function sizeOfSet({ bits, docs }: DocSet): number {
  return (bits?.byteLength ?? 0) + (docs?.byteLength ?? 0) + 64;
}

/** @returns the same set as bits, which answer `hasDoc` at once. */
export function asBits(set: DocSet, universe: number): DocSet {
  if (set.bits !== null) return set;
  const bits = new Uint32Array(wordsFor(universe));
  orSetInto(bits, set);
  return { count: set.count, bits, docs: null };
}
