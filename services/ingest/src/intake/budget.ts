/** A share of memory for each request being handled. */
export interface Budget {
  /** False when there is not enough left; a single request may always have its share. */
  take(holder: object, bytes: number): boolean;
  giveBack(holder: object): void;
}

export function createBudget(most: number): Budget {
  const shares = new Map<object, number>();
  let used = 0;
  return {
    take(holder, bytes) {
      if (used > 0 && used + bytes > most) return false;
      shares.set(holder, bytes);
      used += bytes;
      return true;
    },
    giveBack(holder) {
      used -= shares.get(holder) ?? 0;
      shares.delete(holder);
    },
  };
}
