import { parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import { SegmentBuilder } from '../index/build-segment.ts';
import { buffersOf } from '../index/segment.ts';
import type { BuildMessage } from './build-base.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';

const TOLD_EVERY = 50_000;

const { connectionString } = workerData as { connectionString: string };
const tell = (message: BuildMessage, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

const client = new pg.Client({ connectionString, application_name: 'device index', connectionTimeoutMillis: 10_000 });
// The query in progress rejects with the reason; without a listener it would be told as an uncaught one.
client.on('error', () => undefined);
await client.connect();

let snapshot: Snapshot | undefined;
const builder = new SegmentBuilder();
let added = 0;
let told = 0;
await readSnapshot(
  client,
  (begun) => {
    snapshot = begun;
    tell({ kind: 'begun', estimate: begun.estimate });
  },
  (part) => {
    for (const device of part) builder.add(device);
    added += part.length;
    if (added < told + TOLD_EVERY) return;
    told = added;
    tell({ kind: 'read', devices: told });
  },
);
await client.end();
if (snapshot !== undefined) {
  const segment = builder.finish();
  tell({ kind: 'built', position: snapshot.position, seen: snapshot.seen, segment }, buffersOf(segment));
}
