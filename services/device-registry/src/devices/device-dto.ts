import type { Device as DeviceDto } from '@quell/contracts/device';
import type { DeviceRecord } from '@quell/contracts/device-record';
import { type Device, identityOf } from '../device/device.ts';

/** A device as its topic publishes it: what it is, without when it was seen. */
export function deviceRecordOf(device: Device): DeviceRecord {
  const { hostnames, ips, macs, platform } = identityOf(device);
  return {
    id: device.id,
    model: device.model,
    label: device.label,
    capabilities: [...device.capabilities],
    hostnames: [...hostnames],
    ips: [...ips],
    macs: [...macs],
    ...(platform === undefined ? {} : { platform }),
    ...(device.group === undefined ? {} : { group: device.group }),
    tags: [...device.tags],
    ...(device.agentId === undefined ? {} : { agentId: device.agentId }),
    version: device.version,
  };
}

/** A device as the API answers it. */
export function deviceDtoOf(device: Device, lastSeenAt?: Date): DeviceDto {
  return {
    ...deviceRecordOf(device),
    ...(lastSeenAt === undefined ? {} : { lastSeenAt: lastSeenAt.toISOString() }),
    ...(device.state === 'retired' ? { retiredAt: device.retiredAt } : {}),
  };
}
