import { WordIndexBuilder } from './build-words.ts';
import { GrowingBytes, GrowingNumbers, type TextTable } from './bytes.ts';
import { Dictionary } from './dictionary.ts';
import { FoldedBytes } from './fold-bytes.ts';
import { buildGrams, GramValues, infixBytes } from './grams.ts';
import { listsByTerm } from './posting-lists.ts';
import { RecordCursor } from './records.ts';
import type { Segment } from './segment.ts';
import type { SegmentLimits } from './segment-limits.ts';

/** What finds devices by what people and networks call them. */
export type NameIndexes = Pick<
  Segment,
  'labelWords' | 'labelStarts' | 'hostWords' | 'hostStarts' | 'ipStarts' | 'macPieces' | 'tags' | 'tagLists'
>;

/** @param records in the order of the documents. */
export function buildNameIndexes(records: TextTable, count: number, { group, frequent }: SegmentLimits): NameIndexes {
  const folded = new FoldedBytes();
  const cursor = new RecordCursor(records.bytes);
  const labels = new GramValues();
  const hosts = new GramValues();
  const ips = new GramValues();
  const macs = new GramValues();
  const labelWords = new WordIndexBuilder();
  const hostWords = new WordIndexBuilder();
  const tagValues = new Dictionary();
  const tagDocs = new GrowingNumbers();
  const tagCodes = new GrowingNumbers();
  const lower = new GrowingBytes();
  for (let doc = 0; doc < count; doc++) {
    cursor.open(records.offsets[doc]!);
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
    }
    for (let left = cursor.number(); left > 0; left--) {
      cursor.next();
      tagCodes.push(tagValues.codeOf(cursor.text()));
      tagDocs.push(doc);
    }
  }
  const { values: tags } = tagValues;
  return {
    tags,
    tagLists: listsByTerm(tagCodes.numbers, tagDocs.numbers, tagCodes.length, tags.length, count),
    labelWords: labelWords.finish(count, frequent),
    labelStarts: buildGrams(labels, 0, count, group),
    hostWords: hostWords.finish(count, frequent),
    hostStarts: buildGrams(hosts, 0, count, group),
    ipStarts: buildGrams(ips, 0, count, group),
    macPieces: buildGrams(macs, infixBytes, count, group),
  };
}
