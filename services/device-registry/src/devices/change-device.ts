import type { FeedCursor } from '@quell/event-store/feed';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { DeviceCommand, Refusal } from '../device/decide.ts';
import type { Device } from '../device/device.ts';
import { changeDevices, type DeviceOutcome } from '../device-store/change-devices.ts';

export interface DeviceRefusal extends Omit<Refusal, 'code'> {
  readonly code: Refusal['code'] | 'key-reused';
}

export type DeviceAnswer =
  | {
      readonly ok: true;
      readonly device: Device;
      /** Whether it is new, or back. */
      readonly registered: boolean;
      /** Of the write; absent when nothing had to be written. */
      readonly position?: FeedCursor;
    }
  | { readonly ok: false; readonly refusal: DeviceRefusal; readonly device?: Device | undefined };

export interface ChangeRequest {
  readonly deviceId: string;
  readonly command: DeviceCommand;
  readonly ifVersion?: readonly number[] | undefined;
  readonly actor: string;
}

/** Changes one device as somebody asks for; each request is a cause of its own. */
export async function changeDevice(
  pool: Pool,
  { deviceId, command, ifVersion, actor }: ChangeRequest,
): Promise<DeviceAnswer> {
  const causeId = uuidv7();
  const { outcomes, position } = await changeDevices(
    pool,
    [{ deviceId, command, causeId, ...(ifVersion === undefined ? {} : { ifVersion }) }],
    { actor, correlationId: causeId, occurredAt: new Date() },
  );
  return answerOf(outcomes[0]!, position);
}

export function answerOf(outcome: DeviceOutcome, position: FeedCursor | undefined): DeviceAnswer {
  if (!outcome.ok) return { ok: false, refusal: outcome.refusal, device: outcome.before };
  const registered = outcome.events.some(({ type }) => type === 'DeviceRegistered');
  return { ok: true, device: outcome.device, registered, ...(position === undefined ? {} : { position }) };
}
