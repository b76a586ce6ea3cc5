import { parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import { DeviceIndex, type IndexedDevice } from '../index/device-index.ts';
import type { BuildMessage } from './build-index.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';

const TOLD_EVERY = 50_000;

const { connectionString } = workerData as { connectionString: string };
const tell = (message: BuildMessage, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

const client = new pg.Client({ connectionString, application_name: 'device index', connectionTimeoutMillis: 10_000 });
// The query in progress rejects with the reason; without a listener it would be told as an uncaught one.
client.on('error', () => undefined);
await client.connect();

let snapshot: Snapshot | undefined;
const devices: IndexedDevice[] = [];
let told = 0;
await readSnapshot(
  client,
  (begun) => {
    snapshot = begun;
    tell({ kind: 'begun', estimate: begun.estimate });
  },
  (part) => {
    for (const device of part) devices.push(device);
    if (devices.length < told + TOLD_EVERY) return;
    told = devices.length;
    tell({ kind: 'read', devices: told });
  },
);
await client.end();
if (snapshot !== undefined) {
  const buffers = DeviceIndex.build(devices).toBuffers();
  tell({ kind: 'built', position: snapshot.position, seen: snapshot.seen, buffers }, buffers.transfer);
}
