import type { DeviceRecord } from '@quell/contracts/device-record';
import type { ActiveDevice } from '../../device/device.ts';
import { positionText } from '../../device-store/position.ts';
import { deviceRecordOf } from '../../devices/device-dto.ts';
import type { FollowedEvent } from '../live/followed-events.ts';

/** What a watch tells of one event of the feed. Its id is the position: `Last-Event-ID` resumes after it. */
export type WatchEvent =
  | {
      readonly name: 'entered' | 'changed';
      readonly data: { readonly position: string; readonly device: DeviceRecord };
    }
  | {
      readonly name: 'left';
      /** Without the device when it was retired. */
      readonly data: { readonly position: string; readonly id: string; readonly device?: DeviceRecord };
    };

/** @returns nothing when the device is not among those watched, neither before nor after. */
export function watchEvent(matches: (device: DeviceRecord) => boolean, event: FollowedEvent): WatchEvent | undefined {
  const before = event.before === undefined ? undefined : watchedDevice(event.before);
  const after = event.after === undefined ? undefined : watchedDevice(event.after);
  const was = before !== undefined && matches(before);
  const is = after !== undefined && matches(after);
  const position = positionText(event.at);
  if (after !== undefined && is) return { name: was ? 'changed' : 'entered', data: { position, device: after } };
  if (!was) return undefined;
  return { name: 'left', data: { position, id: event.deviceId, ...(after === undefined ? {} : { device: after }) } };
}

const watched = new WeakMap<ActiveDevice, DeviceRecord>();

/** One object for all who watch: what it folds to is remembered with it. */
function watchedDevice(device: ActiveDevice): DeviceRecord {
  const known = watched.get(device);
  if (known !== undefined) return known;
  const answer = deviceRecordOf(device);
  watched.set(device, answer);
  return answer;
}
