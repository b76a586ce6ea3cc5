import { deviceLabel } from '@quell/contracts/device';
import type { DeviceBulkAction, DeviceBulkPreview } from '@quell/contracts/device-bulk';
import { assertNever } from '@quell/contracts/vocabulary';
import { type DeviceCommand, decide } from '../device/decide.ts';
import type { Device } from '../device/device.ts';
import { evolve } from '../device/evolve.ts';
import { filledTemplate, parseTemplate } from './decide-label.ts';

/** What an action comes to for one device. */
export type ActionVerdict =
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'changed';
      readonly command: DeviceCommand;
      readonly example: DeviceBulkPreview['examples'][number];
    }
  | { readonly kind: 'failed'; readonly detail: string };

/** An action made ready for many devices: what to do to each. */
export type DecideAction = (device: Device) => ActionVerdict;

/** @returns what is wrong with the action's template, as text, when something is */
export function prepareAction(action: DeviceBulkAction): DecideAction | string {
  const commandOf = commandFor(action);
  return typeof commandOf === 'string' ? commandOf : (device) => decideAction(action, device, commandOf(device));
}

function commandFor(action: DeviceBulkAction): ((device: Device) => DeviceCommand | string) | string {
  switch (action.type) {
    case 'relabel': {
      const { label, template = '' } = action;
      if (label !== undefined) return () => ({ kind: 'patch', changes: { label } });
      const parsed = parseTemplate(template);
      if (typeof parsed === 'string') return parsed;
      return (device) => {
        const filled = deviceLabel.safeParse(filledTemplate(parsed, device));
        if (!filled.success) return `its label would be too long or have text that cannot be stored`;
        return { kind: 'patch', changes: { label: filled.data } };
      };
    }
    case 'tag':
      return () => ({ kind: 'tag', add: action.add, remove: action.remove });
    case 'move':
      return () => ({ kind: 'patch', changes: { group: action.group } });
    case 'retire':
      return () => ({ kind: 'retire', reason: action.reason });
    default:
      return assertNever(action);
  }
}

/** More than what a registration may give would be refused everywhere else. */
const MOST_TAGS = 64;

function decideAction(action: DeviceBulkAction, device: Device, command: DeviceCommand | string): ActionVerdict {
  if (typeof command === 'string') return { kind: 'failed', detail: command };
  const decision = decide(device.id, device, command);
  if (!decision.ok) return { kind: 'failed', detail: decision.refusal.detail };
  if (decision.events.length === 0) return { kind: 'unchanged' };
  const { updatedAt: recordedAt } = device;
  const after = decision.events.reduce<Device>(
    (state, event) => evolve(state, { ...event, version: state.version + 1, recordedAt }),
    device,
  );
  if (after.tags.length > MOST_TAGS) return { kind: 'failed', detail: `it would have more than ${MOST_TAGS} tags` };
  return { kind: 'changed', command, example: { id: device.id, ...difference(action, device, after) } };
}

function difference(
  action: DeviceBulkAction,
  before: Device,
  after: Device,
): Omit<DeviceBulkPreview['examples'][number], 'id'> {
  switch (action.type) {
    case 'relabel':
      return { field: 'label', before: before.label, after: after.label };
    case 'tag':
      return { field: 'tags', before: [...before.tags], after: [...after.tags] };
    case 'move':
      return { field: 'group', before: before.group ?? null, after: after.group ?? null };
    case 'retire':
      return { field: 'retired', before: false, after: true };
    default:
      return assertNever(action);
  }
}
