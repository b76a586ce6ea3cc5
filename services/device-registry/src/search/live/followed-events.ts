import type { StoredEvent } from '@quell/event-store/event';
import type { FeedCursor } from '@quell/event-store/feed';
import { load, type Queryable } from '@quell/event-store/load';
import { LRUCache } from 'lru-cache';
import { SCHEMA } from '../../database/schema.ts';
import type { ActiveDevice, Device } from '../../device/device.ts';
import { evolve, foldDevice } from '../../device/evolve.ts';
import { recordedEvent } from '../../device-store/stream.ts';

/** One event of the feed, as what it did to its device. A device that was retired or never registered is not there. */
export interface FollowedEvent {
  readonly at: FeedCursor;
  readonly deviceId: string;
  /** The version of the device after it. */
  readonly version: number;
  readonly before: ActiveDevice | undefined;
  readonly after: ActiveDevice | undefined;
}

const REMEMBERED_DEVICES = 5_000;

/**
 * Folds events of the feed into what they did. Not read from the rows: those may be ahead of the feed, and replicas that stand at the
 * same position have to know the same. Remembers the devices that changed last, so that few streams are read again.
 */
export class Folding {
  readonly #remembered = new LRUCache<string, Device>({ max: REMEMBERED_DEVICES });

  /** @param events in the order of the feed, as `readFeed` gave them */
  async fold(client: Queryable, events: readonly StoredEvent[]): Promise<FollowedEvent[]> {
    const devices = await this.#devicesBefore(client, events);
    return events.map((event) => {
      const before = devices.get(event.streamId);
      const after = evolve(before, recordedEvent(event));
      devices.set(event.streamId, after);
      this.#remembered.set(event.streamId, after);
      const { txid, position, version } = event;
      return { at: { txid, position }, deviceId: after.id, version, before: active(before), after: active(after) };
    });
  }

  async #devicesBefore(client: Queryable, events: readonly StoredEvent[]): Promise<Map<string, Device>> {
    const devices = new Map<string, Device>();
    const firstVersions = new Map<string, number>();
    for (const { streamId, version } of events) if (!firstVersions.has(streamId)) firstVersions.set(streamId, version);
    const unknown = new Map<string, number>();
    for (const [streamId, version] of firstVersions) {
      const remembered = this.#remembered.get(streamId);
      if (remembered?.version === version - 1) devices.set(streamId, remembered);
      else if (version > 1) unknown.set(streamId, version - 1);
    }
    for (const [streamId, device] of await devicesAt(client, unknown)) devices.set(streamId, device);
    return devices;
  }
}

/** Devices as they were at a version each, by stream. */
export async function devicesAt(
  client: Queryable,
  versions: ReadonlyMap<string, number>,
): Promise<Map<string, Device>> {
  const devices = new Map<string, Device>();
  for (const [streamId, events] of await load(client, SCHEMA, [...versions.keys()])) {
    const until = versions.get(streamId) ?? 0;
    const device = foldDevice(events.filter(({ version }) => version <= until).map(recordedEvent));
    if (device !== undefined) devices.set(streamId, device);
  }
  return devices;
}

function active(device: Device | undefined): ActiveDevice | undefined {
  return device?.state === 'active' ? device : undefined;
}
