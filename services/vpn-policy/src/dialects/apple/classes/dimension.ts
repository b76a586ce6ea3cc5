/** One way in which contexts differ, cut into classes: in each, the same conditions hold. */
export type Dimension<T> = readonly { readonly value: T; readonly holds: readonly boolean[] }[];

/** How many classes of one dimension are looked for before it is left undecided. */
const DIMENSION_LIMIT = 4096;

/** One value per class. */
export function classesOf<T>(values: readonly T[], holds: (value: T) => readonly boolean[]): Dimension<T> {
  const found = new Map<string, { value: T; holds: readonly boolean[] }>();
  for (const value of values) {
    const signature = holds(value);
    const key = signature.join();
    if (!found.has(key)) found.set(key, { value, holds: signature });
  }
  return [...found.values()];
}

/**
 * One list per class of lists of `atoms`. What a list makes hold follows from what it made hold without its last member and from that member
 * (any, each, first), so lists that nothing told apart so far need not be told apart later. `null`: too many.
 */
export function listClasses(
  atoms: readonly string[],
  holds: (list: readonly string[]) => readonly boolean[],
): Dimension<readonly string[]> | null {
  const members = classesOf(atoms, (atom) => holds([atom])).map((one) => one.value);
  const empty: readonly string[] = [];
  // An empty list goes on differently from one that holds nothing.
  const found = [{ value: empty, holds: holds(empty) }];
  const known = new Set<string>();
  for (const { value } of found) {
    for (const member of members) {
      const list = [...value, member];
      const signature = holds(list);
      const key = signature.join();
      if (known.has(key)) continue;
      if (found.length >= DIMENSION_LIMIT) return null;
      known.add(key);
      found.push({ value: list, holds: signature });
    }
  }
  return classesOf(
    found.map((one) => one.value),
    holds,
  );
}
