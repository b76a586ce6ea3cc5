import type { DeviceQuery } from '@quell/contracts/device-query';
import { capabilityFacets, type Facets, valueFacet } from './facets.ts';
import { characterCount, foldText, foldWord } from './fold.ts';
import { capabilityMask, featureMask, passesFeatures, passesOtherFilters, type QueriedDevice } from './match.ts';
import { type MatchLevel, matchLevels } from './parse-query.ts';
import { compareRank, displayKey, type RankClass, type RankKey, rankClasses } from './rank.ts';

/*
 * The oracle of every search: the definition in the README, read aloud, one device after the other. It shares the folding and the
 * orders with the programs and nothing of how they find.
 */

interface Word {
  readonly raw: string;
  readonly folded: string;
  readonly last: boolean;
}

const partsOf = (text: string): string[] =>
  foldText(text)
    .split(' ')
    .filter((part) => part !== '');

/** Restricted Damerau-Levenshtein distance, the whole matrix. */
function distance(a: readonly string[], b: readonly string[]): number {
  const d = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : i)),
  );
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const options = [d[i - 1]![j]! + 1, d[i]![j - 1]! + 1, d[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)];
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) options.push(d[i - 2]![j - 2]! + 1);
      d[i]![j] = Math.min(...options);
    }
  }
  return d[a.length]![b.length]!;
}

function isNear(word: string, text: string, edits: number): boolean {
  const typed = [...word];
  const there = [...text];
  if (edits === 0 || (typed.length < 6 && typed[0] !== there[0])) return false;
  return there.concat('').some((_, length) => distance(typed, there.slice(0, length)) <= edits);
}

function wordEdits(word: string): number {
  const length = characterCount(word);
  if (length < 4 || /^\p{N}+$/u.test(word)) return 0;
  return length < 8 ? 1 : 2;
}

const isBegun = (word: Word, level: MatchLevel): boolean => word.last || level !== 'as-typed';

/** Does the word equal some run of parts, or begin the parts from some part on? */
function isRun(word: Word, parts: readonly string[], level: MatchLevel): boolean {
  return parts.some((_, i) => {
    if (isBegun(word, level) && parts.slice(i).join('').startsWith(word.folded)) return true;
    return parts.some((_, j) => j >= i && parts.slice(i, j + 1).join('') === word.folded);
  });
}

function inWords(word: Word, text: string, level: MatchLevel): boolean {
  const parts = partsOf(text);
  if (isRun(word, parts, level)) return true;
  return level === 'typos' && parts.some((part) => isNear(word.folded, part, wordEdits(word.folded)));
}

function inModel(word: Word, model: string, level: MatchLevel): boolean {
  const parts = partsOf(model);
  if (isRun(word, parts, level)) return true;
  return (
    level === 'typos' && parts.some((_, i) => isNear(word.folded, parts.slice(i).join(''), wordEdits(word.folded)))
  );
}

function inId(word: Word, id: string, level: MatchLevel): boolean {
  if (isRun(word, partsOf(id), level)) return true;
  if (characterCount(word.folded) >= 3 && foldWord(id).includes(word.folded)) return true;
  return level === 'typos' && isNear(word.folded, foldWord(id), characterCount(word.folded) >= 4 ? 1 : 0);
}

function inMac(word: Word, mac: string, level: MatchLevel): boolean {
  if (characterCount(word.folded) >= 3) return foldWord(mac).includes(word.folded);
  return isBegun(word, level) && foldWord(mac).startsWith(word.folded);
}

function inIp(word: Word, ip: string, level: MatchLevel): boolean {
  if (!/[.:]/.test(word.raw)) return false;
  const raw = word.raw.toLowerCase();
  return isBegun(word, level) ? ip.toLowerCase().startsWith(raw) : ip.toLowerCase() === raw;
}

const inDevice = (word: Word, device: QueriedDevice, level: MatchLevel): boolean =>
  inWords(word, device.label, level) ||
  inModel(word, device.model, level) ||
  inId(word, device.id, level) ||
  device.hostnames.some((hostname) => inWords(word, hostname, level)) ||
  device.macs.some((mac) => inMac(word, mac, level)) ||
  device.ips.some((ip) => inIp(word, ip, level));

function naiveClass(words: readonly Word[], device: QueriedDevice, level: MatchLevel): RankClass {
  const joined = words.map((word) => word.folded).join('');
  const label = foldWord(device.label);
  const model = foldWord(device.model);
  const classes: [RankClass, boolean][] = [
    ['id-equal', foldWord(device.id) === joined],
    ['id-prefix', foldWord(device.id).startsWith(joined)],
    ['label-equal', label === joined],
    ['label-prefix', label.startsWith(joined)],
    ['label-words', words.every((word) => inWords(word, device.label, level))],
    ['model-equal', model === joined],
    ['model-prefix', model.startsWith(joined)],
    ['model-words', words.every((word) => inModel(word, device.model, level))],
    ['hostname', device.hostnames.some((hostname) => foldWord(hostname).startsWith(joined))],
    ['other', true],
  ];
  const holding = classes.filter(([, holds]) => holds).map(([name]) => name);
  return rankClasses(joined).find((name) => holding.includes(name))!;
}

export interface NaiveAnswer<D extends QueriedDevice> {
  /** Every device found, best first. */
  readonly found: readonly (RankKey & { readonly device: D })[];
  readonly facets: Facets;
  readonly matched: MatchLevel;
}

const count = (values: readonly (string | undefined)[]): [string, number][] => {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts];
};

/** @returns what a search must answer over these devices, by looking at each of them. Loosens as search and suggest do. */
export function naiveSearch<D extends QueriedDevice>(devices: readonly D[], query: DeviceQuery): NaiveAnswer<D> {
  const typed = query.q.split(/\s+/u).filter((word) => foldWord(word) !== '');
  const words = typed.map((raw, at): Word => ({ raw, folded: foldWord(raw), last: at === typed.length - 1 }));
  const nothing = words.length === 0 && query.q.trim() !== '';
  const at = (level: MatchLevel): NaiveAnswer<D> => {
    const base = devices.filter(
      (device) => !nothing && passesOtherFilters(query, device) && words.every((word) => inDevice(word, device, level)),
    );
    const hits = base.filter((device) =>
      passesFeatures(capabilityMask(device.capabilities), featureMask(query.feature), query.match),
    );
    const joined = words.map((word) => word.folded).join('');
    const rank = (device: D) =>
      words.length === 0 ? 0 : rankClasses(joined).indexOf(naiveClass(words, device, level));
    const found = hits.map((device) => ({ rank: rank(device), key: displayKey(device), id: device.id, device }));
    const facets: Facets = {
      capabilities: capabilityFacets(
        base.map((device) => [capabilityMask(device.capabilities), 1]),
        query,
      ),
      models: valueFacet(count(hits.map((device) => device.model))),
      groups: valueFacet(count(hits.map((device) => device.group))),
    };
    return { found: found.sort(compareRank), facets, matched: level };
  };
  const level = matchLevels.find((loose) =>
    devices.some((device) => words.every((word) => inDevice(word, device, loose))),
  );
  return at(level ?? 'as-typed');
}
