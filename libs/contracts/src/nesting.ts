/** Levels that what a caller sends along may have: what looks at it by recursion, or writes it as JSON, must not run out of stack. */
export const MOST_LEVELS = 64;

export const TOO_DEEP = `nested deeper than ${MOST_LEVELS} levels`;

/** Whether a JSON value has at most so many levels of objects and arrays; a value that is neither has none. */
export function isShallow(value: unknown, levels: number = MOST_LEVELS): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((member) => isShallow(member, levels - 1));
}
