import { characterCount, foldWord } from './fold.ts';

/** How loosely words were read. Only search and suggest go beyond `as-typed`, and only when the words match nothing more strictly. */
export const matchLevels = ['as-typed', 'prefixes', 'typos'] as const;
export type MatchLevel = (typeof matchLevels)[number];

export interface QueryWord {
  /** Letters and digits, folded, separators dropped; never empty. */
  readonly folded: string;
  /** In characters (code points). */
  readonly length: number;
  /** As typed in lower case when it has a `.` or `:` and so may be the beginning of an IP address. */
  readonly address?: string;
  /** The last word may be unfinished. */
  readonly last: boolean;
}

/** `blank` is no filter; `nothing` was typed but has no letter or digit, and matches no device. */
export type QueryText =
  | { readonly kind: 'blank' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'words'; readonly words: readonly QueryWord[]; readonly joined: string };

/** @returns the words of `q`: split at white space, each folded, what folds to nothing left out. */
export function parseQueryText(q: string): QueryText {
  if (q.trim() === '') return { kind: 'blank' };
  const typed = q.split(/\s+/u).filter((word) => foldWord(word) !== '');
  if (typed.length === 0) return { kind: 'nothing' };
  const words = typed.map((word, index): QueryWord => {
    const folded = foldWord(word);
    const common = { folded, length: characterCount(folded), last: index === typed.length - 1 };
    return /[.:]/.test(word) ? { ...common, address: word.toLowerCase() } : common;
  });
  return { kind: 'words', words, joined: words.map((word) => word.folded).join('') };
}

/** From this length on a word is also looked for inside ids and MACs. */
export const infixLength = 3;

/** @returns whether at this level the word may be the beginning of what it matches. */
export function isPrefix(word: QueryWord, level: MatchLevel): boolean {
  return word.last || level !== 'as-typed';
}
