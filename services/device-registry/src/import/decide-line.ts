import type { DeviceImportQuery } from '@quell/contracts/device-import';
import { type DeviceCommand, decide, type Refusal } from '../device/decide.ts';
import type { Device } from '../device/device.ts';
import { evolve } from '../device/evolve.ts';
import type { FactChanges } from '../device/facts.ts';

/** What a line of an import comes to. */
export type LineVerdict =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'created'; readonly command: DeviceCommand }
  | { readonly kind: 'changed'; readonly command: DeviceCommand; readonly before: Device; readonly after: Device }
  | ({ readonly kind: 'refused' } & Pick<Refusal, 'detail' | 'fact'>);

/** Decides what a line does to its device, `undefined` for one that was never registered. */
export function decideLine(
  id: string,
  facts: FactChanges,
  device: Device | undefined,
  mode: DeviceImportQuery['mode'],
): LineVerdict {
  const command: DeviceCommand = { kind: 'bring', facts, source: 'import' };
  const decision = decide(id, device, command);
  if (!decision.ok) return { kind: 'refused', ...decision.refusal };
  if (decision.events.length === 0) return { kind: 'unchanged' };
  if (device?.state !== 'active') return { kind: 'created', command };
  if (mode === 'create-only')
    return { kind: 'refused', detail: 'there is such a device already, and it is not the same' };
  const { updatedAt: recordedAt } = device;
  const after = decision.events.reduce<Device>(
    (state, event) => evolve(state, { ...event, version: state.version + 1, recordedAt }),
    device,
  );
  return { kind: 'changed', command, before: device, after };
}
