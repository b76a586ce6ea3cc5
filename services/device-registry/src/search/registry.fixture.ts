import { randomUUID } from 'node:crypto';
import { anyDevice } from '@quell/device-query/device.arbitrary';
import { compareCursors, type FeedCursor, feedStart, readFeed } from '@quell/event-store/feed';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import type { DeviceCommand } from '../device/decide.ts';
import type { ActiveDevice, Device } from '../device/device.ts';
import { evolve } from '../device/evolve.ts';
import { changeDevices, type DeviceChange } from '../device-store/change-devices.ts';
import { recordedEvent } from '../device-store/stream.ts';

/** Commands on devices that share their ids, host names and addresses, so that they come, change, go and come back. */
export function someChanges(count: number, seed: number): DeviceChange[] {
  const change = fc.tuple(anyDevice, fc.integer({ min: 0, max: 4 })).map(([device, kind]): DeviceChange => {
    const { id, platform, group, ...facts } = device;
    const told = { ...structuredClone(facts), platform: platform ?? null, group: group ?? null };
    const command: DeviceCommand =
      kind === 0 ? { kind: 'retire' } : { kind: 'bring', facts: told as never, source: 'import' };
    return { deviceId: id, command, causeId: randomUUID() };
  });
  return fc.sample(change, { numRuns: count, seed });
}

/** Writes changes in transactions of `atOnce`. @returns the position of the last one that changed something */
export async function write(pool: Pool, changes: readonly DeviceChange[], atOnce = 10): Promise<FeedCursor> {
  let position = feedStart;
  for (let from = 0; from < changes.length; from += atOnce) {
    const envelope = { actor: 'test', correlationId: randomUUID(), occurredAt: new Date() };
    const changed = await changeDevices(pool, changes.slice(from, from + atOnce), envelope);
    position = changed.position ?? position;
  }
  return position;
}

/** Every device that is there after the events up to a position, folded one event after the other. */
export async function devicesAt(pool: Pool, until: FeedCursor): Promise<Map<string, ActiveDevice>> {
  const devices = new Map<string, Device>();
  let at = feedStart;
  while (compareCursors(at, until) < 0) {
    const events = await readFeed(pool, SCHEMA, at, 1_000);
    if (events.length === 0) throw new Error('the feed does not reach that far');
    for (const event of events) {
      if (compareCursors(event, until) > 0) break;
      devices.set(event.streamId, evolve(devices.get(event.streamId), recordedEvent(event)));
    }
    at = events.at(-1) ?? at;
  }
  const active = [...devices.values()].flatMap((device) => (device.state === 'active' ? [device] : []));
  return new Map(active.map((device) => [device.id, device]));
}
