import { z } from 'zod';
import { agentDto } from './agent-list.ts';

/**
 * The value of a record on `agents.v1` (compacted, key = agentId). Consumers keep the record with the greatest version; also one that
 * only tells a later `lastSeenAt` has a version of its own. `deviceId` is there when the agent itself stated it.
 */
export const agentRecord = agentDto.extend({ version: z.int() });
export type AgentRecord = z.infer<typeof agentRecord>;
