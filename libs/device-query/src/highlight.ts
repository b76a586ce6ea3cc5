import { type FoldedValue, foldCharacter } from './fold.ts';
import { matchesIn, partsOf, type QueriedDevice, rememberedFold } from './match.ts';
import { infixLength, isPrefix, type MatchLevel, type QueryText, type QueryWord } from './parse-query.ts';
import { idTolerance, isWithinEdits, type Tolerance, wordTolerance } from './typos.ts';

export type HighlightField = 'id' | 'label' | 'model' | 'hostnames' | 'macs' | 'ips';
/** UTF-16 offsets into the value as stored: from, and up to but without. */
export type HighlightRange = readonly [start: number, end: number];

export interface Highlight {
  readonly field: HighlightField;
  /** Which value of a field that has several. */
  readonly index?: number;
  /** Ascending, apart from each other; whole characters with their accents. */
  readonly ranges: readonly HighlightRange[];
}

/** For each UTF-16 unit of the folded, joined value: the character of the original that it came from. */
interface Origin {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

function originOf(text: string): Origin {
  const from: number[] = [];
  const to: number[] = [];
  let at = 0;
  let separated = true;
  for (const character of text) {
    const end = at + character.length;
    const folded = foldCharacter(character);
    if (folded === '') {
      // A mark belongs to the character before it, which may have folded to several units.
      if (!separated) for (let unit = to.length - 1; unit >= 0 && to[unit] === at; unit--) to[unit] = end;
    } else {
      separated = folded.endsWith(' ');
      for (let unit = 0; unit < folded.length; unit++) {
        if (folded[unit] === ' ') continue;
        from.push(at);
        to.push(end);
      }
    }
    at = end;
  }
  return { from, to };
}

function merge(ranges: HighlightRange[]): HighlightRange[] {
  const merged: [number, number][] = [];
  for (const [start, end] of ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const before = merged.at(-1);
    if (before !== undefined && start <= before[1]) before[1] = Math.max(before[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

/** Ranges within the folded, joined value. */
type Find = (word: QueryWord, value: FoldedValue, level: MatchLevel) => HighlightRange[];

const everywhere = (value: string, word: string): HighlightRange[] => {
  const found: HighlightRange[] = [];
  for (let at = value.indexOf(word); at >= 0; at = value.indexOf(word, at + 1)) found.push([at, at + word.length]);
  return found;
};

const begun: Find = (word, value, level) =>
  matchesIn(value, word.folded, isPrefix(word, level)).map((start) => [start, start + word.folded.length]);

const mistyped = (word: QueryWord, value: FoldedValue, tolerance: Tolerance): HighlightRange[] => {
  if (tolerance.edits === 0) return [];
  return partsOf(value).flatMap((part, index): HighlightRange[] => {
    const start = value.starts[index]!;
    return isWithinEdits(word.folded, part, tolerance) ? [[start, start + part.length]] : [];
  });
};

const inWords: Find = (word, value, level) => {
  const found = begun(word, value, level);
  return found.length > 0 || level !== 'typos' ? found : mistyped(word, value, wordTolerance(word));
};

const inModel: Find = (word, value, level) => {
  const found = inWords(word, value, level);
  const tolerance = wordTolerance(word);
  if (found.length > 0 || level !== 'typos' || tolerance.edits === 0) return found;
  const { starts, joined } = value;
  const start = starts.find((at) => isWithinEdits(word.folded, joined.slice(at), tolerance));
  return start === undefined ? [] : [[start, joined.length]];
};

const inId: Find = (word, value, level) => {
  const { joined } = value;
  const found = begun(word, value, level);
  if (word.length >= infixLength) found.push(...everywhere(joined, word.folded));
  if (found.length > 0 || level !== 'typos') return found;
  const tolerance = idTolerance(word);
  const near = tolerance.edits > 0 && joined !== '' && isWithinEdits(word.folded, joined, tolerance);
  return near ? [[0, joined.length]] : [];
};

const inMac: Find = (word, { joined }, level) => {
  if (word.length >= infixLength) return everywhere(joined, word.folded);
  return isPrefix(word, level) && joined.startsWith(word.folded) ? [[0, word.folded.length]] : [];
};

function inIp(word: QueryWord, value: string, level: MatchLevel): HighlightRange[] {
  const { address } = word;
  if (address === undefined) return [];
  const ip = value.toLowerCase();
  return (isPrefix(word, level) ? ip.startsWith(address) : ip === address) ? [[0, address.length]] : [];
}

/** @returns where the words stand in a device that they match, field by field; fields without a match are left out. */
export function highlightDevice(text: QueryText, device: QueriedDevice, level: MatchLevel): Highlight[] {
  if (text.kind !== 'words') return [];
  const { words } = text;
  const highlights: Highlight[] = [];
  const add = (field: HighlightField, value: string, folded: FoldedValue, find: Find, index?: number) => {
    // Most fields have none of the words, which shows at once.
    if (level !== 'typos' && !words.some((word) => folded.joined.includes(word.folded))) return;
    const found = words.flatMap((word) => find(word, folded, level));
    if (found.length === 0) return;
    const { from, to } = originOf(value);
    const ranges = merge(found.map(([start, end]) => [from[start]!, to[end - 1]!]));
    highlights.push(index === undefined ? { field, ranges } : { field, index, ranges });
  };
  const folded = rememberedFold(device);
  add('id', device.id, folded.id, inId);
  add('label', device.label, folded.label, inWords);
  add('model', device.model, folded.model, inModel);
  for (const [index, hostname] of device.hostnames.entries()) {
    add('hostnames', hostname, folded.hostnames[index]!, inWords, index);
  }
  for (const [index, mac] of device.macs.entries()) {
    add('macs', mac, { joined: folded.macs[index]!, starts: [0] }, inMac, index);
  }
  for (const [index, ip] of device.ips.entries()) {
    const ranges = merge(words.flatMap((word) => inIp(word, ip, level)));
    if (ranges.length > 0) highlights.push({ field: 'ips', index, ranges });
  }
  return highlights;
}
