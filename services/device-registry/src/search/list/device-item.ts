import type { Device } from '@quell/contracts/device';
import type { IndexedDevice } from '../index/indexed-device.ts';

/** A device as it is answered. */
export function deviceItem({ lastSeenAt, version, ...device }: IndexedDevice): Device {
  const { capabilities, hostnames, ips, macs, platform, group, tags, agentId } = device;
  return {
    id: device.id,
    model: device.model,
    label: device.label,
    capabilities: capabilities as Device['capabilities'],
    hostnames: hostnames as string[],
    ips: ips as string[],
    macs: macs as string[],
    ...(platform === undefined ? {} : { platform }),
    ...(group === undefined ? {} : { group }),
    tags: tags as string[],
    ...(agentId === undefined ? {} : { agentId }),
    ...(lastSeenAt === undefined ? {} : { lastSeenAt: new Date(lastSeenAt).toISOString() }),
    version,
  };
}
