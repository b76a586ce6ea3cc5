import { topics } from '@quell/contracts/topics';
import { uuidv5 } from '@quell/contracts/uuidv5';
import { int4Array, uuidArray } from '@quell/event-store/array-parameters';
import type { StoredEvent } from '@quell/event-store/event';
import type { Relay } from '@quell/event-store/relay';
import type { OutgoingMessage } from '@quell/messaging/broker';
import { PublishFailed } from '@quell/messaging/broker-errors';
import { cloudEventHeaders } from '@quell/messaging/cloudevents';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import type { Device } from '../device/device.ts';
import { type DeviceRow, deviceColumns, deviceOf } from '../device-store/row.ts';
import { deviceRecordOf } from '../devices/device-dto.ts';

/** The checkpoint of the relay. A higher version publishes every device again. */
export const DEVICE_RELAY = { name: 'devices_v1', version: 1 } as const;

/** The topic the relay publishes to. */
export const relayTopic = topics.devices;

/**
 * Publishes the devices on `devices.v1`, keyed by device: after a batch of the feed one record for each device in it, whole, as it is by
 * then; a retired one as a tombstone. Read from the rows beside the streams, which are never behind the feed, so that a repeat after a
 * crash publishes the latest as well, and a key's versions do not go back. One that lost its place to another process while it published
 * may come after that one; on a compacted topic the last record is kept, so what changed meanwhile is published once more.
 */
export function deviceRelay(pool: Pool, publish: (messages: readonly OutgoingMessage[]) => Promise<void>): Relay {
  return {
    ...DEVICE_RELAY,
    schema: SCHEMA,
    async publish(events) {
      // In the order of the last event of each: a Map keeps a key where it was first, so it goes before it comes again.
      const last = new Map<string, StoredEvent>();
      for (const event of events) {
        last.delete(event.streamId);
        last.set(event.streamId, event);
      }
      let devices = await devicesOf(pool, [...last.keys()]);
      while (devices.size > 0) {
        const now = devices;
        const records = [...last].filter(([streamId]) => now.has(streamId));
        await publish(records.map(([streamId, event]) => messageOf(event, now.get(streamId)!)));
        devices = await devicesOf(pool, await changedSince(pool, now));
      }
    },
    // Refused for good: parked, so that it does not keep all other devices back.
    isPoison: (error) => error instanceof PublishFailed && !error.transient,
  };
}

async function devicesOf(pool: Pool, streamIds: readonly string[]): Promise<Map<string, Device>> {
  if (streamIds.length === 0) return new Map();
  const { rows } = await pool.query<DeviceRow & { stream_id: string }>({
    name: 'devices-of-streams',
    text: `SELECT d.stream_id, ${deviceColumns} FROM device_registry.device AS d WHERE d.stream_id = ANY ($1::uuid[])`,
    values: [uuidArray(streamIds, 'streamId')],
  });
  return new Map(rows.map((row) => [row.stream_id, deviceOf(row)]));
}

/** Streams of the devices that are not at these versions any more. */
async function changedSince(pool: Pool, devices: ReadonlyMap<string, Device>): Promise<string[]> {
  const { rows } = await pool.query<{ stream_id: string }>({
    name: 'devices-changed-since',
    text: `SELECT d.stream_id FROM unnest($1::uuid[], $2::int[]) AS p (stream_id, version)
           JOIN device_registry.device AS d ON d.stream_id = p.stream_id AND d.version <> p.version`,
    values: [
      uuidArray([...devices.keys()], 'streamId'),
      int4Array([...devices.values()].map(({ version }) => version)),
    ],
  });
  return rows.map((row) => row.stream_id);
}

function messageOf(event: StoredEvent, device: Device): OutgoingMessage {
  const retired = device.state === 'retired';
  return {
    key: device.id,
    value: retired ? null : JSON.stringify(deviceRecordOf(device)),
    headers: cloudEventHeaders({
      // Of the device at this version, not of the event: what is published again may be newer.
      id: uuidv5(String(device.version), event.streamId),
      source: '/quell/device-registry',
      type: retired ? 'quell.device.retired' : 'quell.device.changed',
      subject: device.id,
      time: event.recordedAt,
      extensions: {
        correlationid: event.correlationId,
        streamversion: String(device.version),
        ...(event.causationId === undefined ? {} : { causationid: event.causationId }),
        ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
      },
    }),
  };
}
