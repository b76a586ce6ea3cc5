import type { FeedCursor } from '@quell/event-store/feed';
import type { DeviceChange } from '../index/indexed-device.ts';
import type { FollowedEvent } from './followed-events.ts';
import { indexedDevice } from './indexed-device.ts';

/** A change of the index, and the event that it shows. */
export interface PlacedChange {
  readonly at: FeedCursor;
  readonly change: DeviceChange;
}

/** What the index has to know of a batch: the last state of each device. */
export function changesOf(events: readonly FollowedEvent[], seen: ReadonlyMap<string, number>): PlacedChange[] {
  const last = new Map(events.map((event) => [event.deviceId, event]));
  return [...last.values()].map(({ at, deviceId: id, version, after }) => ({
    at,
    change: after === undefined ? { id, version, retired: true } : indexedDevice(after, seen.get(id)),
  }));
}
