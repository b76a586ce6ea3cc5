import { z } from 'zod';
import { capability } from './agent-protocol.ts';
import { pageOf, pageParameters } from './paging.ts';
import { agentId, deviceId, hostname, ipAddress, macAddress, platform, text, timestamp } from './vocabulary.ts';

/** An agent as `GET /v1/agents` lists it. */
export const agentDto = z.object({
  agentId,
  endpointId: z.uuid(),
  status: z.enum(['active', 'replaced', 'revoked']),
  hostname: hostname.optional(),
  deviceId: deviceId.optional(),
  ips: z.array(ipAddress),
  macs: z.array(macAddress),
  platform: platform.optional(),
  osVersion: z.string().optional(),
  agentVersion: z.string().optional(),
  capabilities: z.array(capability).optional(),
  enrolledAt: timestamp,
  lastSeenAt: timestamp.optional(),
});
export type AgentDto = z.infer<typeof agentDto>;

export const agentListQuery = z.strictObject({
  endpoint: text(253).optional().describe('An endpointId, agentId, deviceId or host name.'),
  ...pageParameters,
});

export const agentPage = pageOf(agentDto);
