/**
 * What is left of a text when case, accents and separators do not count. `joined` has the letters and digits of all parts in a row;
 * `starts` says where in `joined` each part begins (UTF-16 offsets, ascending).
 */
export interface FoldedValue {
  readonly joined: string;
  readonly starts: readonly number[];
}

/** Letters that Unicode does not decompose, as people type them on a keyboard that lacks them. */
const plain: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  ħ: 'h',
  ı: 'i',
  ŧ: 't',
  þ: 'th',
  ς: 'σ',
};
const ignored = /^[\p{M}\p{Cf}]$/u;
const kept = /^[\p{L}\p{N}]$/u;

function foldOnce(character: string): string {
  let folded = '';
  for (const part of character.normalize('NFKD')) {
    if (ignored.test(part)) continue;
    for (const lower of part.toLowerCase()) {
      if (ignored.test(lower)) continue;
      folded += plain[lower] ?? (kept.test(lower) ? lower : ' ');
    }
  }
  return folded;
}

/** Again until nothing changes: a few letters only decompose once they are lower case. */
function foldAnew(character: string): string {
  let folded = foldOnce(character);
  for (;;) {
    let again = '';
    for (const part of folded) again += part === ' ' ? ' ' : foldOnce(part);
    if (again === folded) return folded;
    folded = again;
  }
}

const asciiEnd = 0x80;
const ascii = Array.from({ length: asciiEnd }, (_, code) => foldAnew(String.fromCharCode(code)));
/** At most one entry per character of Unicode that was ever seen. */
const others = new Map<string, string>();

/**
 * @param character one code point.
 * @returns its letters and digits, folded; a space where it separates; nothing for a mark or an invisible character. A character
 *   folds alone, whatever stands beside it, so that a prefix of a text folds to a prefix.
 */
export function foldCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if (code < asciiEnd) return ascii[code]!;
  let folded = others.get(character);
  if (folded === undefined) {
    folded = foldAnew(character);
    others.set(character, folded);
  }
  return folded;
}

/** @returns `text` folded, its parts separated by one space each. Folding that again changes nothing. */
export function foldText(text: string): string {
  let folded = '';
  let separated = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= asciiEnd) return foldAny(text);
    // One unit each, or nothing.
    const unit = ascii[code]!;
    if (unit === ' ') separated = folded !== '';
    else if (unit !== '') {
      folded += separated ? ` ${unit}` : unit;
      separated = false;
    }
  }
  return folded;
}

function foldAny(text: string): string {
  let folded = '';
  let separated = false;
  const add = (unit: string): void => {
    if (unit === ' ') separated = folded !== '';
    else {
      folded += separated ? ` ${unit}` : unit;
      separated = false;
    }
  };
  for (const character of text) {
    const all = foldCharacter(character);
    if (all.length === 1) add(all);
    else for (const unit of all) add(unit);
  }
  return folded;
}

/** @returns `text` folded, with where its parts begin. */
export function foldValue(text: string): FoldedValue {
  const folded = foldText(text);
  if (folded === '') return { joined: '', starts: [] };
  const starts = [0];
  for (let at = folded.indexOf(' '); at >= 0; at = folded.indexOf(' ', at + 1)) starts.push(at + 1 - starts.length);
  return { joined: starts.length === 1 ? folded : folded.replaceAll(' ', ''), starts };
}

/** @returns the letters and digits of `text`, folded, without what separates them: `nPP16-D` is `npp16d`. */
export function foldWord(text: string): string {
  return foldText(text).replaceAll(' ', '');
}

/** @returns how many characters (code points) `text` has. */
export function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
