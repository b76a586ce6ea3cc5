/** Edits up to which a key counts as a misspelt one. */
const NEAR = 2;

/** The known key that `key` is probably a misspelling of, whatever its case; `null`: none is close. */
export function nearestKey(key: string, known: Iterable<string>): string | null {
  let best: { readonly name: string; readonly edits: number } | null = null;
  for (const name of known) {
    if (Math.abs(name.length - key.length) > NEAR) continue;
    const edits = distance(key.toLowerCase(), name.toLowerCase());
    if (edits <= NEAR && (best === null || edits < best.edits)) best = { name, edits };
  }
  return best?.name ?? null;
}

/** Characters to insert, remove or replace to make one text the other. */
function distance(left: string, right: string): number {
  let above = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1] ? 0 : 1;
      const [aside, up, across] = [line[column - 1] ?? 0, above[column] ?? 0, above[column - 1] ?? 0];
      line.push(Math.min(aside + 1, up + 1, across + same));
    }
    above = line;
  }
  return above[right.length] ?? 0;
}
