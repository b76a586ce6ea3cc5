import { DEVICE_EVENT_VERSION, type DeviceEvent } from '@quell/contracts/device-events';
import { uuidv5 } from '@quell/contracts/uuidv5';
import type { NewEvent, StoredEvent } from '@quell/event-store/event';
import type { RecordedDeviceEvent } from '../device/device.ts';

const NAMESPACE = '5c0f5d0e-7a52-5d0b-9a3b-1f6a7f0c4b1d';

/** Who and what makes events, and when it happened out there. */
export interface Envelope {
  /** `key:<id> (<name>)`, `agent:<id>`, `import:<job id>` … */
  readonly actor: string;
  /** Lower-case UUIDs. */
  readonly correlationId: string;
  readonly causationId?: string;
  readonly occurredAt: Date;
  readonly traceparent?: string;
}

/** The stream of a device: ids of devices are anything that people print on them. */
export function streamIdOf(deviceId: string): string {
  return uuidv5(deviceId, NAMESPACE);
}

/** The id of the n-th event that one cause adds to one stream: a replay of the cause makes the same ids. */
export function eventIdOf(streamId: string, causeId: string, index: number): string {
  return uuidv5(`${causeId}:${index}`, streamId);
}

export function newEvent(event: DeviceEvent, id: string, envelope: Envelope): NewEvent {
  return { id, type: event.type, schemaVersion: DEVICE_EVENT_VERSION, data: event.data, ...envelope };
}

/** A stored event as the fold reads it. The store is trusted: its events were validated when they came in. */
export function recordedEvent({ type, data, version, recordedAt }: StoredEvent): RecordedDeviceEvent {
  return { type, data, version, recordedAt: recordedAt.toISOString() } as RecordedDeviceEvent;
}
