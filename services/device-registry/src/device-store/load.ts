import { load, type Queryable } from '@quell/event-store/load';
import { SCHEMA } from '../database/schema.ts';
import type { Device } from '../device/device.ts';
import { foldDevice } from '../device/evolve.ts';
import { type DeviceRow, deviceColumns, deviceOf } from './row.ts';
import { recordedEvent, streamIdOf } from './stream.ts';

/** Devices by id, folded from their streams; those that were never registered are left out. */
export async function loadDevices(client: Queryable, deviceIds: readonly string[]): Promise<Map<string, Device>> {
  const streams = await load(client, SCHEMA, [...new Set(deviceIds)].map(streamIdOf));
  const devices = new Map<string, Device>();
  for (const events of streams.values()) {
    const device = foldDevice(events.map(recordedEvent));
    if (device !== undefined) devices.set(device.id, device);
  }
  return devices;
}

/** As `loadDevices`, from the rows beside the streams, which are the same (`rows.int.spec`): one read of one row for each. */
export async function loadRows(client: Queryable, deviceIds: readonly string[]): Promise<Map<string, Device>> {
  if (deviceIds.length === 0) return new Map();
  const { rows } = await client.query<DeviceRow>({
    name: 'load-devices',
    text: `SELECT ${deviceColumns} FROM device_registry.device AS d WHERE d.id = ANY ($1::text[])`,
    values: [deviceIds],
  });
  return new Map(rows.map((row) => [row.id, deviceOf(row)]));
}
