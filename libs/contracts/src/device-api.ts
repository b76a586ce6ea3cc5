import { z } from 'zod';
import { deviceFacts, shownLists } from './device.ts';
import { pageOf, pageParameters } from './paging.ts';
import { agentId, deviceId, platform, text, timestamp } from './vocabulary.ts';

/** Body of `POST /v1/devices`. */
export const registerDeviceRequest = deviceFacts.extend({
  id: deviceId.optional().describe('The ID printed on or known for the device; a UUIDv7 is given when it is absent.'),
});
export type RegisterDeviceRequest = z.infer<typeof registerDeviceRequest>;

const facts = deviceFacts.shape;
const patched = <T extends z.ZodType>(fact: T) => fact.nullable().optional();

/** Body of `PATCH /v1/devices/{id}`, a JSON merge patch (RFC 7396): absent members stay, `null` takes what was told away. */
export const devicePatch = z.strictObject({
  model: patched(facts.model.removeDefault()),
  label: patched(facts.label.removeDefault()),
  capabilities: patched(facts.capabilities.removeDefault()),
  hostnames: patched(shownLists.hostnames),
  ips: patched(shownLists.ips),
  macs: patched(shownLists.macs),
  platform: patched(platform),
  group: patched(facts.group.unwrap()),
  tags: patched(facts.tags.removeDefault()),
});
export type DevicePatch = z.infer<typeof devicePatch>;

export const deviceVersionQuery = z.strictObject({
  asOf: timestamp.optional().describe('The device as its events up to this time tell it.'),
});

export const retireDeviceQuery = z.strictObject({
  reason: text(1024).optional().describe('Why it is no longer there; kept in its history.'),
});

/** An agent whose device could not be told. */
export const unresolvedAgent = z.object({
  agentId,
  endpointId: z.uuid(),
  hostname: z.string().optional(),
  ips: z.array(z.string()),
  macs: z.array(z.string()),
  platform: platform.optional(),
  reason: z.string().describe('Why it was not matched, for people.'),
  candidates: z.array(deviceId).describe('The devices that it may run on.'),
  since: timestamp,
});
export type UnresolvedAgent = z.infer<typeof unresolvedAgent>;

/** Body of `POST /v1/devices/unresolved-agents/{agentId}/assign`. */
export const assignAgentRequest = z.strictObject({ deviceId: deviceId.describe('The device that it runs on.') });
export type AssignAgentRequest = z.infer<typeof assignAgentRequest>;

export const unresolvedAgentPage = pageOf(unresolvedAgent);
export const unresolvedAgentQuery = z.strictObject(pageParameters);
