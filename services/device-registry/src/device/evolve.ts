import { assertNever } from '@quell/contracts/vocabulary';
import type { ActiveDevice, Device, Identity, RecordedDeviceEvent } from './device.ts';
import { noIdentity } from './device.ts';

type Identified = Extract<RecordedDeviceEvent, { type: 'DeviceIdentified' }>['data'];

/** The device after one more event. @throws Error on a stream that does not begin with a registration: nothing of ours writes one */
export function evolve(device: Device | undefined, event: RecordedDeviceEvent): Device {
  const at = { version: event.version, updatedAt: event.recordedAt };
  if (event.type === 'DeviceRegistered') {
    const { id, agentId, model, label, capabilities, group, tags, hostnames, ips, macs, platform } = event.data;
    return {
      state: 'active',
      id,
      model,
      label,
      capabilities,
      ...(group === undefined ? {} : { group }),
      tags,
      given: { hostnames, ips, macs, ...(platform === undefined ? {} : { platform }) },
      ...(agentId === undefined ? {} : { agentId }),
      registeredAt: event.recordedAt,
      ...at,
    };
  }
  if (device?.state !== 'active') throw new Error(`${event.type} of a device that is ${device?.state ?? 'unknown'}`);
  switch (event.type) {
    case 'DeviceIdentified':
      return { ...identified(device, event.data), ...at };
    case 'DeviceAgentLeft': {
      const { agentId: _, reported: __, ...rest } = device;
      return { ...rest, ...at };
    }
    case 'DeviceRelabelled':
      return { ...device, label: event.data.label, ...at };
    case 'DeviceCapabilitiesChanged':
      return { ...device, capabilities: event.data.capabilities, ...at };
    case 'DeviceMoved': {
      const { group: _, ...rest } = device;
      return { ...rest, ...(event.data.group === undefined ? {} : { group: event.data.group }), ...at };
    }
    case 'DeviceTagged':
      return { ...device, tags: event.data.tags, ...at };
    case 'DeviceRetired':
      return { ...device, state: 'retired', retiredAt: event.recordedAt, ...at };
    default:
      return assertNever(event);
  }
}

/** The device after its events, oldest first; undefined when there are none. */
export function foldDevice(events: readonly RecordedDeviceEvent[]): Device | undefined {
  return events.reduce<Device | undefined>(evolve, undefined);
}

function identified(device: ActiveDevice, { agentId, model = device.model, ...told }: Identified): ActiveDevice {
  if (agentId === undefined) return { ...device, model, given: merged(device.given, told) };
  return { ...device, model, agentId, reported: merged(device.reported ?? noIdentity, told) };
}

function merged(before: Identity, told: Omit<Identified, 'agentId' | 'model'>): Identity {
  const platform = told.platform === undefined ? before.platform : (told.platform ?? undefined);
  return {
    hostnames: told.hostnames ?? before.hostnames,
    ips: told.ips ?? before.ips,
    macs: told.macs ?? before.macs,
    ...(platform === undefined ? {} : { platform }),
  };
}
