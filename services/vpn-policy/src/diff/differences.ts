/** What two sides say in one class of contexts. */
type Compared<O, C> = { readonly left: O; readonly right: O; readonly witness: C; readonly classes: number };

/** Collects pairs of outcomes that differ: one context for each, and how many classes have it. */
export class Differences<O, C> {
  readonly #found = new Map<string, Compared<O, C>>();
  #classes = 0;

  /** Counts `classes` classes of contexts; notes the pair unless both have the same effect. */
  add(left: O, right: O, same: boolean, witness: C, classes = 1): void {
    this.#classes += classes;
    if (same) return;
    const key = JSON.stringify([left, right]);
    const known = this.#found.get(key);
    this.#found.set(
      key,
      known === undefined ? { left, right, witness, classes } : { ...known, classes: known.classes + classes },
    );
  }

  /** Equal when nothing was noted. */
  answer():
    | { result: 'equal'; classes: number }
    | { result: 'different'; classes: number; differences: [Compared<O, C>, ...Compared<O, C>[]] } {
    const [first, ...others] = this.#found.values();
    return first === undefined
      ? { result: 'equal', classes: this.#classes }
      : { result: 'different', classes: this.#classes, differences: [first, ...others] };
  }
}
