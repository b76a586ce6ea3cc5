import type { DeviceCapability } from '@quell/contracts/device';
import type { DeviceEvent } from '@quell/contracts/device-events';
import type { Platform } from '@quell/contracts/vocabulary';

/** How a device is reached, as one teller says it. Lists hold each value once. */
export interface Identity {
  readonly hostnames: readonly string[];
  readonly ips: readonly string[];
  readonly macs: readonly string[];
  readonly platform?: Platform;
}

interface Known {
  readonly id: string;
  /** `''` when unknown, as is the label. */
  readonly model: string;
  readonly label: string;
  /** Closed and sorted. */
  readonly capabilities: readonly DeviceCapability[];
  readonly group?: string;
  /** Sorted. */
  readonly tags: readonly string[];
  /** What people and imports told. No agent's report takes any of it away. */
  readonly given: Identity;
  /** What an agent reported last; absent when none ever did. */
  readonly reported?: Identity;
  /** The agent that runs on it. */
  readonly agentId?: string;
  /** When its (last) registration and its last event were recorded; RFC 3339. */
  readonly registeredAt: string;
  readonly updatedAt: string;
  readonly version: number;
}

export type ActiveDevice = Known & { readonly state: 'active' };
export type RetiredDevice = Known & { readonly state: 'retired'; readonly retiredAt: string };

/** A device as its events tell it. One that was never registered is `undefined`. */
export type Device = ActiveDevice | RetiredDevice;

/** An event of a device with what folding needs of its envelope. */
export type RecordedDeviceEvent = DeviceEvent & {
  readonly version: number;
  /** RFC 3339. */
  readonly recordedAt: string;
};

export const noIdentity: Identity = { hostnames: [], ips: [], macs: [] };

/** What is answered and searched: everything that anybody told; a platform that people gave counts before the agent's. */
export function identityOf({ given, reported }: Pick<Known, 'given' | 'reported'>): Identity {
  if (reported === undefined) return given;
  const both = (a: readonly string[], b: readonly string[]) => [...new Set([...a, ...b])];
  const platform = given.platform ?? reported.platform;
  return {
    hostnames: both(given.hostnames, reported.hostnames),
    ips: both(given.ips, reported.ips),
    macs: both(given.macs, reported.macs),
    ...(platform === undefined ? {} : { platform }),
  };
}
