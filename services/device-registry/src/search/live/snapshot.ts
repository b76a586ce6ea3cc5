import { type FeedCursor, feedStart } from '@quell/event-store/feed';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { SCHEMA } from '../../database/schema.ts';
import type { SegmentBuilder } from '../index/build-segment.ts';
import type { IndexedDevice } from '../index/indexed-device.ts';
import { CopiedDevices, copiedColumns } from './copied-devices.ts';
import { devicesAt } from './followed-events.ts';
import { indexedDevice } from './indexed-device.ts';
import { lastSeenOf, type SeenMark } from './last-seen.ts';

/** All devices as they were at one place in the feed. */
export interface Snapshot {
  readonly position: FeedCursor;
  /** From where to follow the times of last contact. */
  readonly seen: SeenMark;
  /** About how many devices there are, by the statistics of Postgres. */
  readonly estimate: number;
}

const STREAMS_PER_LOAD = 500;

/**
 * Adds every device that is not retired to an index, exactly as the events up to `position` tell it, in one snapshot.
 *
 * The feed shows what is below the oldest open transaction (xmin), so that nothing can appear behind it later; but the rows of a
 * snapshot may also come from newer transactions that have ended. Those few devices are folded from their streams instead, up to the
 * last event below xmin. It holds no transaction id, so it does not hold the feed back, however long it takes.
 *
 * @param client a connection of its own
 * @param onProgress called with how many devices were added so far, now and then
 */
export async function readSnapshot(
  client: pg.Client,
  builder: SegmentBuilder,
  onBegin: (snapshot: Snapshot) => void = () => undefined,
  onProgress: (devices: number) => void = () => undefined,
): Promise<Snapshot> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await client.query(
    'SET LOCAL transaction_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0',
  );
  const { xmin, ...snapshot } = await beginning(client);
  onBegin(snapshot);
  const ahead = await streamsFrom(client, xmin);
  for (const part of inParts([...ahead], STREAMS_PER_LOAD)) {
    for (const device of await devicesBefore(client, new Map(part))) builder.add(device);
  }
  // COPY takes no parameters.
  const apart = client.escapeLiteral(`{${[...ahead.keys()].join(',')}}`);
  const copy = client.query(
    copyTo(
      `COPY (SELECT ${copiedColumns} FROM ${SCHEMA}.device AS d LEFT JOIN ${SCHEMA}.device_seen AS s ON s.device_id = d.id
       WHERE d.retired_at IS NULL AND d.stream_id <> ALL (${apart}::uuid[])) TO STDOUT (FORMAT binary)`,
    ),
  );
  const devices = new CopiedDevices(builder);
  for await (const chunk of copy) {
    devices.take(chunk as Uint8Array);
    onProgress(devices.count);
  }
  devices.finish();
  await client.query('COMMIT');
  return snapshot;
}

async function beginning(client: pg.Client): Promise<Snapshot & { readonly xmin: string }> {
  const { rows } = await client.query<Record<'xmin' | 'visible' | 'taken' | 'estimate', string> & LastEvent>(
    `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin, pg_current_snapshot()::text AS visible,
       clock_timestamp()::text AS taken, last.txid, last.position,
       (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = '${SCHEMA}.device'::regclass) AS estimate
     FROM (SELECT) AS always LEFT JOIN LATERAL (
       SELECT txid::text, position::text FROM ${SCHEMA}.event WHERE txid < pg_snapshot_xmin(pg_current_snapshot())
       ORDER BY event.txid DESC, event.position DESC LIMIT 1) AS last ON true`,
  );
  const row = rows[0];
  if (row === undefined) throw new Error('Postgres does not tell its snapshot');
  const { xmin, visible, taken, estimate, txid, position } = row;
  const at = txid === null ? feedStart : { txid: BigInt(txid), position: BigInt(position ?? 0) };
  return { xmin, position: at, seen: { visible, taken }, estimate: Number(estimate) };
}

interface LastEvent {
  readonly txid: string | null;
  readonly position: string | null;
}

/** The streams with visible events of transactions from `xmin` on, with their version before those. */
async function streamsFrom(client: pg.Client, xmin: string): Promise<Map<string, number>> {
  const { rows } = await client.query<{ id: string; version: number }>(
    `SELECT stream_id AS id, min(version) - 1 AS version FROM ${SCHEMA}.event WHERE txid >= $1::xid8 GROUP BY stream_id`,
    [xmin],
  );
  return new Map(rows.map(({ id, version }) => [id, version]));
}

async function devicesBefore(client: pg.Client, versions: ReadonlyMap<string, number>): Promise<IndexedDevice[]> {
  const known = new Map([...versions].filter(([, version]) => version > 0));
  const devices = [...(await devicesAt(client, known)).values()].filter((device) => device.state === 'active');
  const seen = await lastSeenOf(
    client,
    devices.map(({ id }) => id),
  );
  return devices.map((device) => indexedDevice(device, seen.get(device.id)));
}

function* inParts<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
