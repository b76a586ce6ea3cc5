import { z } from 'zod';
import { agentId, deviceId, hostname, ipAddress, macAddress, platform, text, timestamp } from './vocabulary.ts';

/**
 * What a device's hardware can do: the seven features of the source text, and `dimming`. `relay` or `dimming` implies
 * `dimming-or-relay`, which is also accepted alone: there is an output, its kind is unknown. Source: device-search.md, section 2.
 */
export const deviceCapability = z.enum([
  'current-sensing',
  'dimming',
  'dimming-or-relay',
  'occupancy',
  'photocell',
  'relay',
  'switch',
  'wireless',
]);
export type DeviceCapability = z.infer<typeof deviceCapability>;
export const deviceCapabilities: readonly DeviceCapability[] = deviceCapability.options;

export const deviceModel = text(128);
export const deviceLabel = text(256);
export const deviceGroup = text(128).min(1);
export const deviceTag = text(64).min(1);

/** How many values of a kind can be given to a device, and how many it shows at most: an agent reports up to 1, 64 and 64 beside them. */
export const mostGiven = { hostnames: 32, ips: 128, macs: 128 } as const;
const mostShown = { hostnames: 33, ips: 192, macs: 192 } as const;

/** What is told about a device from outside. `''` for a model or label that nobody gave. */
export const deviceFacts = z.strictObject({
  model: deviceModel.default(''),
  label: deviceLabel.default(''),
  capabilities: z.array(deviceCapability).max(64).default([]),
  hostnames: z.array(hostname).max(mostGiven.hostnames).default([]),
  ips: z.array(ipAddress).max(mostGiven.ips).default([]),
  macs: z.array(macAddress).max(mostGiven.macs).default([]),
  platform: platform.optional(),
  group: deviceGroup.optional(),
  tags: z.array(deviceTag).max(64).default([]),
});
export type DeviceFacts = z.infer<typeof deviceFacts>;

/** The lists of a device as it shows them: who changes one sends it back whole, and what is shown already is no change. */
export const shownLists = {
  hostnames: z.array(hostname).max(mostShown.hostnames),
  ips: z.array(ipAddress).max(mostShown.ips),
  macs: z.array(macAddress).max(mostShown.macs),
};

/** A device as the registry answers it. */
export const device = z.object({
  id: deviceId,
  model: z.string().describe('Empty when unknown.'),
  label: z.string().describe('Empty when nobody gave one.'),
  capabilities: z.array(deviceCapability).describe('Sorted, with `dimming-or-relay` wherever `dimming` or `relay` is.'),
  hostnames: z.array(z.string()),
  ips: z.array(z.string()),
  macs: z.array(z.string()),
  platform: platform.optional(),
  group: z.string().optional(),
  tags: z.array(z.string()),
  agentId: agentId.optional().describe('The agent that runs on it.'),
  lastSeenAt: timestamp.optional(),
  retiredAt: timestamp.optional().describe('Set for a device that is no longer there; lists leave it out.'),
  version: z.int().describe('The version of its stream; also its `ETag`.'),
});
export type Device = z.infer<typeof device>;

/** `relay` and `dimming` bring `dimming-or-relay` with them. @returns the closed set, sorted, each once. */
export function closeCapabilities(given: readonly DeviceCapability[]): DeviceCapability[] {
  const set = new Set(given);
  if (set.has('relay') || set.has('dimming')) set.add('dimming-or-relay');
  return [...set].sort();
}
