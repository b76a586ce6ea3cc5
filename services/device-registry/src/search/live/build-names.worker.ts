import { parentPort } from 'node:worker_threads';
import { buildNameIndexes } from '../index/build-name-indexes.ts';
import type { TextTable } from '../index/bytes.ts';
import { buffersOf } from '../index/segment.ts';
import { usualLimits } from '../index/segment-limits.ts';

/** One order: the records of all devices. */
export interface NamesOrder {
  readonly records: TextTable;
  readonly count: number;
}

parentPort?.once('message', ({ records, count }: NamesOrder) => {
  const indexes = buildNameIndexes(records, count, usualLimits);
  parentPort?.postMessage(indexes, buffersOf(indexes));
});
