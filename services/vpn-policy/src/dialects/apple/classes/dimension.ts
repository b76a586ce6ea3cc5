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

/** What a list makes hold: any of its members, each of them, or its first. */
export type ListMode = 'any' | 'each' | 'first';

/**
 * One list per class of lists of `atoms`. What a list makes hold follows from what it made hold without its last member and from that member,
 * so lists that nothing told apart so far need not be told apart later, and `holds` is asked for the empty list and for single members
 * alone. `null`: too many.
 * @param modes of each of the answers of `holds`
 */
export function listClasses(
  atoms: readonly string[],
  holds: (list: readonly string[]) => readonly boolean[],
  modes: readonly ListMode[],
): Dimension<readonly string[]> | null {
  const members = classesOf(atoms, (atom) => holds([atom]));
  const empty: readonly string[] = [];
  // An empty list goes on differently from one that holds nothing.
  const found = [{ value: empty, holds: holds(empty) }];
  const known = new Set<string>();
  for (const before of found) {
    for (const member of members) {
      const signature =
        before.value.length === 0
          ? member.holds
          : member.holds.map((held, index) => {
              const already = before.holds[index] === true;
              const mode = modes[index];
              return mode === 'first' ? already : mode === 'each' ? already && held : already || held;
            });
      const key = signature.join();
      if (known.has(key)) continue;
      if (found.length >= DIMENSION_LIMIT) return null;
      known.add(key);
      found.push({ value: [...before.value, member.value], holds: signature });
    }
  }
  const nothing = holds(empty).join();
  return found.filter(({ value, holds: signature }) => value.length === 0 || signature.join() !== nothing);
}
