import { WordIndexBuilder } from './build-words.ts';
import { GrowingBytes, GrowingNumbers, type TextTable } from './bytes.ts';
import { Dictionary } from './dictionary.ts';
import { FoldedBytes } from './fold-bytes.ts';
import { buildGrams, GramValues } from './grams.ts';
import { listsByTerm } from './posting-lists.ts';
import { RecordCursor } from './records.ts';
import { ShortIndexBuilder } from './short-index.ts';
import { sortTexts } from './sort-texts.ts';

export interface SegmentLimits {
  /** Documents that are looked through rather than indexed by a further byte, at most. */
  readonly group: number;
  /** From so many documents on the neighbours of a part are indexed. */
  readonly frequent: number;
}

/** A word that is looked for inside ids has at least three characters, so at least as many bytes. */
const infixBytes = 3;

/** @returns every index of texts. @param records in the order of the documents. */
export function buildTextIndexes(records: TextTable, count: number, { group, frequent }: SegmentLimits) {
  const folded = new FoldedBytes();
  const tagValues = new Dictionary();
  const cursor = new RecordCursor(records.bytes);
  const ids = new GramValues();
  const labels = new GramValues();
  const hosts = new GramValues();
  const macs = new GramValues();
  const ips = new GramValues();
  const labelWords = new WordIndexBuilder();
  const hostWords = new WordIndexBuilder();
  const shortStarts = new ShortIndexBuilder();
  const shortRuns = new ShortIndexBuilder();
  const foldedIds = { bytes: new GrowingBytes(1 << 16), offsets: new GrowingNumbers() };
  foldedIds.offsets.push(0);
  const tagDocs = new GrowingNumbers();
  const tagCodes = new GrowingNumbers();
  const lower = new GrowingBytes();
  for (let doc = 0; doc < count; doc++) {
    cursor.open(records.offsets[doc]!);
    folded.fold(records.bytes, cursor.start, cursor.end);
    ids.add(doc, folded.bytes, 0, folded.length);
    foldedIds.bytes.copy(folded.bytes, 0, folded.length);
    foldedIds.bytes.byte(1);
    foldedIds.bytes.copy(records.bytes, cursor.start, cursor.end);
    foldedIds.offsets.push(foldedIds.bytes.length);
    shortStarts.addStarts(doc, folded);
    shortRuns.addRuns(doc, folded);
    cursor.next();
    folded.fold(records.bytes, cursor.start, cursor.end);
    labels.add(doc, folded.bytes, 0, folded.length);
    labelWords.add(doc, folded);
    for (let left = cursor.number(); left > 0; left--) {
      cursor.next();
      folded.fold(records.bytes, cursor.start, cursor.end);
      hosts.add(doc, folded.bytes, 0, folded.length);
      hostWords.add(doc, folded);
    }
    for (let left = cursor.number(); left > 0; left--) {
      cursor.next();
      lower.length = 0;
      lower.text(cursor.text().toLowerCase());
      ips.add(doc, lower.bytes, 0, lower.length);
    }
    for (let left = cursor.number(); left > 0; left--) {
      cursor.next();
      folded.fold(records.bytes, cursor.start, cursor.end);
      macs.add(doc, folded.bytes, 0, folded.length);
      shortStarts.addStart(doc, folded);
    }
    for (let left = cursor.number(); left > 0; left--) {
      cursor.next();
      tagCodes.push(tagValues.codeOf(cursor.text()));
      tagDocs.push(doc);
    }
  }
  const byId = Uint32Array.from({ length: count }, (_, doc) => doc);
  sortTexts({ bytes: foldedIds.bytes.bytes, offsets: foldedIds.offsets.numbers }, byId);
  const { values: tags } = tagValues;
  return {
    byId,
    tags,
    tagLists: listsByTerm(tagCodes.numbers, tagDocs.numbers, tagCodes.length, tags.length, count),
    labelWords: labelWords.finish(count, frequent),
    labelStarts: buildGrams(labels, 0, count, group),
    hostWords: hostWords.finish(count, frequent),
    hostStarts: buildGrams(hosts, 0, count, group),
    idPieces: buildGrams(ids, infixBytes, count, group),
    macPieces: buildGrams(macs, infixBytes, count, group),
    ipStarts: buildGrams(ips, 0, count, group),
    shortStarts: shortStarts.finish(count),
    shortRuns: shortRuns.finish(count),
  };
}
