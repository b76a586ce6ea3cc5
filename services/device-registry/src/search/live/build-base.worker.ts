import { parentPort, Worker, workerData } from 'node:worker_threads';
import pg from 'pg';
import { buildIdIndexes } from '../index/build-id-indexes.ts';
import type { NameIndexes } from '../index/build-name-indexes.ts';
import { SegmentBuilder } from '../index/build-segment.ts';
import { buffersOf } from '../index/segment.ts';
import { usualLimits } from '../index/segment-limits.ts';
import type { BuildMessage } from './build-base.ts';
import type { NamesOrder } from './build-names.worker.ts';
import { readSnapshot } from './snapshot.ts';

const TOLD_EVERY = 50_000;

const { connectionString } = workerData as { connectionString: string };
const tell = (message: BuildMessage, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

// Started now, so that it is ready when the devices are read. What it throws ends this thread, as an error of its own would.
const names = new Worker(new URL('./build-names.worker.ts', import.meta.url));
const named = new Promise<NameIndexes>((resolve) => names.once('message', resolve));
names.on('error', (error) => {
  throw error;
});

const client = new pg.Client({
  connectionString,
  application_name: 'device index',
  connectionTimeoutMillis: 10_000,
  // A server that is gone without a word would otherwise be waited for in silence.
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
});
// The query in progress rejects with the reason; without a listener it would be told as an uncaught one.
client.on('error', () => undefined);
await client.connect();

const builder = new SegmentBuilder();
let told = 0;
const { position, seen } = await readSnapshot(
  client,
  builder,
  ({ estimate }) => tell({ kind: 'begun', estimate }),
  (devices) => {
    if (devices < told + TOLD_EVERY) return;
    told = devices;
    tell({ kind: 'read', devices });
  },
);
await client.end();
const columns = builder.finishColumns();
const { records, count } = columns;
// Names there and numbers here take about as long; the other thread has a copy of the records.
names.postMessage({ records, count } satisfies NamesOrder);
const ids = buildIdIndexes(records, count, usualLimits);
const segment = { ...columns, ...ids, ...(await named) };
await names.terminate();
tell({ kind: 'built', position, seen, segment }, buffersOf(segment));
