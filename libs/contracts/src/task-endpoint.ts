import { z } from 'zod';
import { agentId, deviceId, hostname, ipAddress, platform } from './vocabulary.ts';

/** The endpoint a task works on, as it was known when the task was opened. */
export const taskEndpoint = z.object({
  endpointId: z.uuid(),
  agentId: agentId.optional(),
  deviceId: deviceId.optional(),
  hostname: hostname.optional(),
  ips: z.array(ipAddress).max(64),
  platform: platform.optional(),
});
export type TaskEndpoint = z.infer<typeof taskEndpoint>;
