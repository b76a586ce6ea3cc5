import { topics } from '@quell/contracts/topics';
import { uuidArray } from '@quell/event-store/array-parameters';
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
 * crash publishes the latest as well, and a key's versions never go back.
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
      const devices = await devicesOf(pool, [...last.keys()]);
      await publish([...last].map(([streamId, event]) => messageOf(event, devices.get(streamId)!)));
    },
    // Refused for good: parked, so that it does not keep all other devices back.
    isPoison: (error) => error instanceof PublishFailed && !error.transient,
  };
}

async function devicesOf(pool: Pool, streamIds: readonly string[]): Promise<Map<string, Device>> {
  const { rows } = await pool.query<DeviceRow & { stream_id: string }>({
    name: 'devices-of-streams',
    text: `SELECT d.stream_id, ${deviceColumns} FROM device_registry.device AS d WHERE d.stream_id = ANY ($1::uuid[])`,
    values: [uuidArray(streamIds, 'streamId')],
  });
  return new Map(rows.map((row) => [row.stream_id, deviceOf(row)]));
}

function messageOf(event: StoredEvent, device: Device): OutgoingMessage {
  const retired = device.state === 'retired';
  return {
    key: device.id,
    value: retired ? null : JSON.stringify(deviceRecordOf(device)),
    headers: cloudEventHeaders({
      id: event.id,
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
