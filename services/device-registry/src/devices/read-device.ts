import type { Device as DeviceDto } from '@quell/contracts/device';
import type { HistoryItem } from '@quell/contracts/task';
import type { FeedCursor } from '@quell/event-store/feed';
import { loadUntil } from '@quell/event-store/load';
import type { Page } from '@quell/service-kit/cursor';
import { streamHistory } from '@quell/service-kit/stream-history';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import type { Device } from '../device/device.ts';
import { foldDevice } from '../device/evolve.ts';
import { loadDevices } from '../device-store/load.ts';
import { recordedEvent, streamIdOf } from '../device-store/stream.ts';
import { deviceDtoOf } from './device-dto.ts';

/** A device folded from its stream, so that a caller reads what it wrote; with `asOf` as it was recorded then. */
export async function readDevice(pool: Pool, deviceId: string, asOf?: string): Promise<DeviceDto | undefined> {
  if (asOf !== undefined) {
    const streamId = streamIdOf(deviceId);
    const streams = await loadUntil(pool, SCHEMA, [streamId], { asOf: new Date(asOf) });
    const device = foldDevice((streams.get(streamId) ?? []).map(recordedEvent));
    return device === undefined ? undefined : deviceDtoOf(device);
  }
  const [devices, seen] = await Promise.all([loadDevices(pool, [deviceId]), lastSeen(pool, deviceId)]);
  const device = devices.get(deviceId);
  return device === undefined ? undefined : deviceDtoOf(device, seen);
}

/** When the device was seen last. */
export async function lastSeen(pool: Pool, deviceId: string): Promise<Date | undefined> {
  const { rows } = await pool.query<{ last_seen_at: Date }>({
    name: 'device-last-seen',
    text: 'SELECT last_seen_at FROM device_registry.device_seen WHERE device_id = $1',
    values: [deviceId],
  });
  return rows[0]?.last_seen_at;
}

/** Where the last event of a device stands in the feed. */
export async function positionOf(pool: Pool, { id, version }: Device): Promise<FeedCursor> {
  const { rows } = await pool.query<{ txid: string; position: string }>(
    'SELECT txid::text, position::text FROM device_registry.event WHERE stream_id = $1 AND version = $2',
    [streamIdOf(id), version],
  );
  return { txid: BigInt(rows[0]!.txid), position: BigInt(rows[0]!.position) };
}

/** The events of a device, oldest first; undefined when there is no such device. */
export function readHistory(
  pool: Pool,
  deviceId: string,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<HistoryItem> | undefined> {
  return streamHistory(pool, SCHEMA, streamIdOf(deviceId), page);
}
