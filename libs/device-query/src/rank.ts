import { assertNever } from '@quell/contracts/vocabulary';
import { characterCount, foldText } from './fold.ts';
import { type FoldedDevice, isInLabel, isInModel } from './match.ts';
import type { MatchLevel, QueryText } from './parse-query.ts';

export type RankClass =
  | 'id-equal'
  | 'id-prefix'
  | 'label-equal'
  | 'label-prefix'
  | 'label-words'
  | 'model-equal'
  | 'model-prefix'
  | 'model-words'
  | 'hostname'
  | 'other';

const usual: readonly RankClass[] = [
  'id-equal',
  'id-prefix',
  'label-equal',
  'label-prefix',
  'label-words',
  'model-equal',
  'model-prefix',
  'model-words',
  'hostname',
  'other',
];
const short: readonly RankClass[] = [
  'id-equal',
  'label-equal',
  'label-prefix',
  'label-words',
  'id-prefix',
  'model-equal',
  'model-prefix',
  'model-words',
  'hostname',
  'other',
];

/**
 * @param joined the words of the query in a row.
 * @returns the classes, best first. One or two characters begin far too many ids: labels then come first.
 */
export function rankClasses(joined: string): readonly RankClass[] {
  return characterCount(joined) <= 2 ? short : usual;
}

/** @returns which class a device that matches at `level` is in: the best one that holds. Without words: `other`. */
export function rankClassOf(text: QueryText, device: FoldedDevice, level: MatchLevel): RankClass {
  if (text.kind !== 'words') return 'other';
  return rankClasses(text.joined).find((name) => isInClass(name, text, device, level))!;
}

function isInClass(
  name: RankClass,
  { joined, words }: Extract<QueryText, { kind: 'words' }>,
  { id, label, model, hostnames }: FoldedDevice,
  level: MatchLevel,
): boolean {
  switch (name) {
    case 'id-equal':
      return id.joined === joined;
    case 'id-prefix':
      return id.joined.startsWith(joined);
    case 'label-equal':
      return label.joined === joined;
    case 'label-prefix':
      return label.joined.startsWith(joined);
    case 'label-words':
      return words.every((word) => isInLabel(word, label, level));
    case 'model-equal':
      return model.joined === joined;
    case 'model-prefix':
      return model.joined.startsWith(joined);
    case 'model-words':
      return words.every((word) => isInModel(word, model, level));
    case 'hostname':
      return hostnames.some((hostname) => hostname.joined.startsWith(joined));
    case 'other':
      return true;
    default:
      return assertNever(name);
  }
}

/** @returns the place of that class: smaller is better, from 0. Comparable between answers to the same words only. */
export function rankOf(text: QueryText, device: FoldedDevice, level: MatchLevel): number {
  return text.kind === 'words' ? rankClasses(text.joined).indexOf(rankClassOf(text, device, level)) : 0;
}

/**
 * @returns a text whose code point order is the natural order of `name`: folded, and each run of digits by its number, so that room 2
 *   comes before room 10. Each run is written as `0`, its length, its digits.
 */
export function naturalKey(name: string): string {
  return foldText(name).replace(/[0-9]+/g, (digits) => {
    const number = digits.replace(/^0+(?=.)/, '');
    return `0${String.fromCodePoint(0x30 + number.length)}${number}`;
  });
}

/** @returns the natural key of what a device is shown as: its label, or its id when the label says nothing. */
export function displayKey(device: { readonly id: string; readonly label: string }): string {
  return naturalKey(device.label) || naturalKey(device.id);
}

/** Code point order, which is also that of Postgres' collation "C" and of UTF-8. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    // A half of a surrogate pair stands for a character above all others.
    if (left !== right) return aboveSurrogates(left) - aboveSurrogates(right);
  }
  return a.length - b.length;
}

const aboveSurrogates = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);

/** Where a device stands in an answer ordered by relevance; also the cursor of a page that ends with it. */
export interface RankKey {
  readonly rank: number;
  readonly key: string;
  readonly id: string;
}

/** Total: two devices never share an id. */
export function compareRank(a: RankKey, b: RankKey): number {
  return a.rank - b.rank || compareText(a.key, b.key) || compareText(a.id, b.id);
}
