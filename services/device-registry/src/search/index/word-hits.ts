import { matchesIn } from '@quell/device-query/match';
import { infixLength, isPrefix, type MatchLevel, type QueryWord } from '@quell/device-query/parse-query';
import { idTolerance, isWithinEdits, wordTolerance } from '@quell/device-query/typos';
import { Collector, type DocSet, docsOf } from './bits.ts';
import { isText, rangeOf } from './bytes.ts';
import { findBeginning, findEqual } from './grams.ts';
import { orLists } from './posting-lists.ts';
import type { ShortIndex } from './segment.ts';
import type { SegmentReader } from './segment-reader.ts';
import { type SortedTexts, walkTypos } from './typo-walk.ts';
import { findRuns, type WordIndex } from './words.ts';

/** Where a word matches. */
export interface WordHits {
  /** In any field. */
  readonly any: DocSet;
  readonly labels: DocSet;
  /** Codes of the models that have it. */
  readonly models: DocSet;
}

const encoder = new TextEncoder();

/** @returns the documents that a word matches at this level: the same as `matchesText` of each. */
export function findWord(reader: SegmentReader, word: QueryWord, level: MatchLevel): WordHits {
  const { segment } = reader;
  const folded = encoder.encode(word.folded);
  const prefix = isPrefix(word, level);
  const gatheredLabels = new Collector(segment.count);
  findRuns(segment.labelWords, folded, prefix, (doc) => reader.foldedLabel(doc).hasRun(folded, prefix), gatheredLabels);
  if (level === 'typos') addWordTypos(segment.labelWords, word, gatheredLabels);
  const labels = gatheredLabels.finish();
  const models = findModels(reader, word, folded, prefix, level);

  const any = new Collector(segment.count);
  any.addSet(labels);
  const hasRun = (doc: number) => reader.someHostname(doc, (hostname) => hostname.hasRun(folded, prefix));
  findRuns(segment.hostWords, folded, prefix, hasRun, any);
  if (level === 'typos') addWordTypos(segment.hostWords, word, any);
  for (const model of docsOf(models)) orLists(segment.modelLists, model, model + 1, any);
  if (word.length >= infixLength) {
    findBeginning(segment.idPieces, folded, (doc) => reader.foldedId(doc).has(folded), any);
    findBeginning(segment.macPieces, folded, (doc) => reader.someMac(doc, (mac) => mac.has(folded)), any);
  } else addShort(prefix ? segment.shortStarts : segment.shortRuns, folded, prefix, any);
  if (level === 'typos') addIdTypos(reader, word, any);
  if (word.address !== undefined) addIps(reader, word.address, prefix, any);
  return { any: any.finish(), labels, models };
}

function findModels(
  { models, segment: { modelWords } }: SegmentReader,
  word: QueryWord,
  folded: Uint8Array,
  prefix: boolean,
  level: MatchLevel,
): DocSet {
  const codes = new Collector(models.length);
  findRuns(modelWords, folded, prefix, (code) => matchesIn(models[code]!, word.folded, prefix).length > 0, codes);
  const tolerance = wordTolerance(word);
  if (level === 'typos' && tolerance.edits > 0) {
    for (const [code, { joined, starts }] of models.entries()) {
      if (starts.some((start) => isWithinEdits(word.folded, joined.slice(start), tolerance))) codes.add(code);
    }
  }
  return codes.finish();
}

function addShort({ terms, lists }: ShortIndex, folded: Uint8Array, prefix: boolean, into: Collector): void {
  const [from, to] = rangeOf(terms, folded);
  if (prefix) orLists(lists, from, to, into);
  else if (from < to && isText(terms, from, folded)) orLists(lists, from, from + 1, into);
}

function addIps(reader: SegmentReader, address: string, prefix: boolean, into: Collector): void {
  const holds = (ip: string) => (prefix ? ip.startsWith(address) : ip === address);
  const check = (doc: number) => reader.someIp(doc, holds);
  const find = prefix ? findBeginning : findEqual;
  find(reader.segment.ipStarts, encoder.encode(address), check, into);
}

function addWordTypos({ terms, lists }: WordIndex, word: QueryWord, into: Collector): void {
  const texts: SortedTexts = {
    count: terms.offsets.length - 1,
    bytesOf: (index) => ({ bytes: terms.bytes, start: terms.offsets[index]!, end: terms.offsets[index + 1]! }),
  };
  walkTypos(texts, word.folded, wordTolerance(word), (from, to) => orLists(lists, from, to, into));
}

function addIdTypos(reader: SegmentReader, word: QueryWord, into: Collector): void {
  const { byId } = reader.segment;
  const texts: SortedTexts = {
    count: byId.length,
    bytesOf: (index) => {
      const { bytes, length } = reader.foldedId(byId[index]!);
      return { bytes, start: 0, end: length };
    },
  };
  walkTypos(texts, word.folded, idTolerance(word), (from, to) => {
    for (let place = from; place < to; place++) into.add(byId[place]!);
  });
}
