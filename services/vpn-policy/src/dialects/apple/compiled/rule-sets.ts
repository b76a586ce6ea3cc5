/** A set of rules as bits: bit `i % 32` of word `i / 32` is rule i. */
export type RuleSet = Uint32Array;

export function noRules(count: number): RuleSet {
  return new Uint32Array(Math.ceil(count / 32));
}

export function add(set: RuleSet, rule: number): void {
  set[rule >>> 5]! |= 1 << (rule & 31);
}

export function keepOnly(set: RuleSet, other: RuleSet): void {
  for (let word = 0; word < set.length; word++) set[word]! &= other[word]!;
}

export function addAll(set: RuleSet, other: RuleSet | undefined): void {
  if (other === undefined) return;
  for (let word = 0; word < set.length; word++) set[word]! |= other[word]!;
}

/** The first rule of the set from `from` on, or -1. */
export function firstOf(set: RuleSet, from: number): number {
  for (let word = from >>> 5; word < set.length; word++) {
    const bits = word === from >>> 5 ? set[word]! & (-1 << (from & 31)) : set[word]!;
    // The lowest set bit alone, and where it is.
    if (bits !== 0) return word * 32 + 31 - Math.clz32(bits & -bits);
  }
  return -1;
}

/** Which rules an entry of theirs names, by the entry. */
export class RulesByEntry {
  readonly #sets = new Map<string, RuleSet>();
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  add(entry: string, rule: number): void {
    let set = this.#sets.get(entry);
    if (set === undefined) {
      set = noRules(this.#count);
      this.#sets.set(entry, set);
    }
    add(set, rule);
  }

  get(entry: string): RuleSet | undefined {
    return this.#sets.get(entry);
  }

  get entries(): readonly (readonly [string, RuleSet])[] {
    return [...this.#sets];
  }
}
