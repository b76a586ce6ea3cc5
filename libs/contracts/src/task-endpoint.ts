import { z } from 'zod';
import { agentId, deviceId, hostname, ipAddress, platform } from './vocabulary.ts';

/** Addresses that a task keeps of its endpoint. A device may have more. */
export const mostEndpointIps = 64;

/** The endpoint a task works on, as it was known when the task was opened. */
export const taskEndpoint = z.object({
  endpointId: z.uuid(),
  agentId: agentId.optional(),
  deviceId: deviceId.optional(),
  hostname: hostname.optional(),
  ips: z.array(ipAddress).max(mostEndpointIps),
  platform: platform.optional(),
});
export type TaskEndpoint = z.infer<typeof taskEndpoint>;
