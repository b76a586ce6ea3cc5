import { GrowingBytes, GrowingNumbers, type TextTable } from './bytes.ts';
import { FoldedBytes } from './fold-bytes.ts';
import { buildGrams, GramValues, infixBytes } from './grams.ts';
import { RecordCursor } from './records.ts';
import type { Segment } from './segment.ts';
import type { SegmentLimits } from './segment-limits.ts';
import { ShortIndexBuilder } from './short-index.ts';
import { sortTexts } from './sort-texts.ts';

/** What finds devices by their ids, from any place in them, and by one or two characters of any number on them. */
export type IdIndexes = Pick<Segment, 'byId' | 'idPieces' | 'shortStarts' | 'shortRuns'>;

/** @param records in the order of the documents. */
export function buildIdIndexes(records: TextTable, count: number, { group }: SegmentLimits): IdIndexes {
  const folded = new FoldedBytes();
  const cursor = new RecordCursor(records.bytes);
  const ids = new GramValues();
  const shortStarts = new ShortIndexBuilder();
  const shortRuns = new ShortIndexBuilder();
  const keys = { bytes: new GrowingBytes(1 << 16), offsets: new GrowingNumbers() };
  keys.offsets.push(0);
  for (let doc = 0; doc < count; doc++) {
    cursor.open(records.offsets[doc]!);
    folded.fold(records.bytes, cursor.start, cursor.end);
    ids.add(doc, folded.bytes, 0, folded.length);
    keys.bytes.copy(folded.bytes, 0, folded.length);
    keys.bytes.byte(1);
    keys.bytes.copy(records.bytes, cursor.start, cursor.end);
    keys.offsets.push(keys.bytes.length);
    shortStarts.addStarts(doc, folded);
    shortRuns.addRuns(doc, folded);
    // The label, host names and IPs.
    cursor.next();
    cursor.skipList();
    cursor.skipList();
    for (let left = cursor.number(); left > 0; left--) {
      cursor.next();
      folded.fold(records.bytes, cursor.start, cursor.end);
      shortStarts.addStart(doc, folded);
    }
  }
  const byId = Uint32Array.from({ length: count }, (_, doc) => doc);
  sortTexts({ bytes: keys.bytes.bytes, offsets: keys.offsets.numbers }, byId);
  return {
    byId,
    idPieces: buildGrams(ids, infixBytes, count, group),
    shortStarts: shortStarts.finish(count),
    shortRuns: shortRuns.finish(count),
  };
}
