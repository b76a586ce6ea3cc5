import type { QueryWord } from './parse-query.ts';

/** What a word may get wrong: edits as in `isWithinEdits`. */
export interface Tolerance {
  readonly edits: 0 | 1 | 2;
  readonly sameFirst: boolean;
}

const onlyDigits = /^\p{N}+$/u;
const none: Tolerance = { edits: 0, sameFirst: true };

/** @returns what is forgiven in words of labels, models and host names. Another number is another room, never a typo. */
export function wordTolerance(word: QueryWord): Tolerance {
  if (word.length < 4 || onlyDigits.test(word.folded)) return none;
  return { edits: word.length < 8 ? 1 : 2, sameFirst: word.length < 6 };
}

/** @returns what is forgiven in ids, digits included. */
export function idTolerance(word: QueryWord): Tolerance {
  return word.length < 4 ? none : { edits: 1, sameFirst: word.length < 6 };
}

/**
 * @returns whether some beginning of `text` is at most `edits` away from `word`: one edit inserts, removes or replaces a character, or
 *   swaps two neighbours, and none touches what another one changed (restricted Damerau-Levenshtein distance).
 */
export function isWithinEdits(word: string, text: string, { edits, sameFirst }: Tolerance): boolean {
  if (edits === 0) return text.startsWith(word);
  if (sameFirst && word.codePointAt(0) !== text.codePointAt(0)) return false;
  const typed = [...word];
  const there = [...text].slice(0, typed.length + edits);
  // Rows are beginnings of `text`, columns beginnings of `word`.
  let before: number[] = [];
  let row = typed.map((_, column) => column);
  row.push(typed.length);
  if (row[typed.length]! <= edits) return true;
  for (let at = 1; at <= there.length; at++) {
    const next = [at];
    let least = at;
    for (let column = 1; column <= typed.length; column++) {
      const same = there[at - 1] === typed[column - 1];
      let cost = Math.min(row[column - 1]! + (same ? 0 : 1), row[column]! + 1, next[column - 1]! + 1);
      const swapped =
        at > 1 && column > 1 && there[at - 1] === typed[column - 2] && there[at - 2] === typed[column - 1];
      if (swapped) cost = Math.min(cost, before[column - 2]! + 1);
      next.push(cost);
      least = Math.min(least, cost);
    }
    if (next[typed.length]! <= edits) return true;
    if (least > edits) return false;
    before = row;
    row = next;
  }
  return false;
}
