import { parseQueryText } from './parse-query.ts';

/** Where a table keeps what words are looked for in: `id`, `model`, `label` as text, the others as arrays of text. */
export type TextColumns = Readonly<Record<'id' | 'model' | 'label' | 'hostnames' | 'ips' | 'macs', string>>;

/** Enough of a word to leave most rows out; a longer pattern only costs. */
const MOST_LETTERS = 32;
const NOT_ASCII = '[^\\x01-\\x7f]';

/**
 * Patterns of Postgres for {@link mayHaveWords}, one for each word of `q`; none when it is blank or has no letter or digit.
 *
 * A text of ASCII alone folds to its letters and digits in lower case, in a row, and the strict reading finds a word in such a row. So
 * its letters come in their order with nothing but separators in between. Only `fold.ts` knows how any other text folds: it fits always.
 */
export function wordPatterns(q: string): string[] {
  const text = parseQueryText(q);
  if (text.kind !== 'words') return [];
  return text.words.map(({ folded }) => {
    if (!/^[a-z0-9]+$/.test(folded)) return NOT_ASCII;
    return `${[...folded.slice(0, MOST_LETTERS)].join('[^a-z0-9]*')}|${NOT_ASCII}`;
  });
}

/**
 * What every device that has all words as typed fulfils: fewer rows to look at, never one too few.
 *
 * @param patterns the parameter with {@link wordPatterns}, such as `$7::text[]`
 * @returns a condition on one row for Postgres
 */
export function mayHaveWords({ id, model, label, hostnames, ips, macs }: TextColumns, patterns: string): string {
  const lists = [hostnames, ips, macs].map((list) => `array_to_string(${list}, ' ')`);
  return `lower((${[id, model, label, ...lists].join(" || ' ' || ")}) COLLATE "C") ~ ALL (${patterns})`;
}
