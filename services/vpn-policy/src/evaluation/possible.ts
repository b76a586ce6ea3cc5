/** The outcomes that an evaluation still allows, each once. */
export function distinct<T extends object>(outcomes: readonly T[]): T[] {
  const seen = new Map<string, T>();
  for (const outcome of outcomes) {
    const key = JSON.stringify(outcome, Object.keys(outcome).sort());
    if (!seen.has(key)) seen.set(key, outcome);
  }
  return [...seen.values()];
}

/** What all of `outcomes` say for `key`; `otherwise` where they differ. */
export function agreed<T extends object, K extends keyof T, D>(outcomes: readonly T[], key: K, otherwise: D): T[K] | D {
  const [first, ...others] = outcomes;
  if (first === undefined) throw new Error('an evaluation ended without an outcome');
  return others.every((other) => other[key] === first[key]) ? first[key] : otherwise;
}
