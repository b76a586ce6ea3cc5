import { hostname, networkInterfaces, release, version } from 'node:os';
import type { HostFacts } from '@quell/contracts/agent-protocol';
import type { Platform } from '@quell/contracts/vocabulary';

const PLATFORMS: Partial<Record<NodeJS.Platform, Platform>> = {
  linux: 'linux',
  darwin: 'macos',
  win32: 'windows',
  android: 'android',
};

/** What this endpoint is, as the agent sees it now. `deviceId` and `hostname` win over what the system says. */
export function hostFacts(said: { readonly deviceId?: string; readonly hostname?: string }): HostFacts {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal }) => !internal);
  return {
    hostname: said.hostname ?? hostname(),
    // A zone index ("fe80::1%eth0") names an interface of this host only.
    ips: unique(addresses.map(({ address }) => address.replace(/%.*$/, ''))),
    macs: unique(addresses.map(({ mac }) => mac.toLowerCase()).filter((mac) => mac !== '00:00:00:00:00:00')),
    platform: PLATFORMS[process.platform] ?? 'other',
    osVersion: `${release()} ${version()}`.slice(0, 256),
    ...(said.deviceId === undefined ? {} : { deviceId: said.deviceId }),
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort().slice(0, 64);
}
