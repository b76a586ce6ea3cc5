import { z } from 'zod';
import { device, deviceFacts } from './device.ts';
import { agentId, platform, text } from './vocabulary.ts';

/** Who told us of a device. */
export const deviceSource = z.enum(['api', 'import', 'agent', 'bulk']);
export type DeviceSource = z.infer<typeof deviceSource>;

const facts = deviceFacts.shape;

/** Every event of a device's stream, by type, with the shape of its `data`. All at schema version 1. */
export const deviceEventData = {
  /** Its first event, and again when a retired device comes back. */
  DeviceRegistered: deviceFacts.extend({ id: device.shape.id, source: deviceSource, agentId: agentId.optional() }),
  /**
   * What it is and how it is reached; what is absent stays as it was. With `agentId`: as that agent reports it, beside what others gave
   * and in the place of what an agent reported before. `platform: null`: nobody says any more.
   */
  DeviceIdentified: z.object({
    model: facts.model.removeDefault().optional(),
    hostnames: facts.hostnames.removeDefault().optional(),
    ips: facts.ips.removeDefault().optional(),
    macs: facts.macs.removeDefault().optional(),
    platform: platform.nullable().optional(),
    agentId: agentId.optional(),
  }),
  /** Its agent runs on another device: what agents reported goes with it, what others gave stays. */
  DeviceAgentLeft: z.object({ agentId }),
  DeviceRelabelled: z.object({ label: facts.label.removeDefault() }),
  DeviceCapabilitiesChanged: z.object({ capabilities: facts.capabilities.removeDefault() }),
  /** Without `group` it is in no group any more. */
  DeviceMoved: z.object({ group: facts.group }),
  DeviceTagged: z.object({ tags: facts.tags.removeDefault() }),
  DeviceRetired: z.object({ reason: text(1024).optional() }),
} as const;

export type DeviceEventType = keyof typeof deviceEventData;
export type DeviceEvent = {
  [T in DeviceEventType]: { readonly type: T; readonly data: z.infer<(typeof deviceEventData)[T]> };
}[DeviceEventType];

export const DEVICE_EVENT_VERSION = 1;
