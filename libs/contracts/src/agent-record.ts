import { z } from 'zod';
import { agentDto } from './agent-list.ts';

/** The value of a record on `agents.v1` (compacted, key = agentId). Consumers keep the record with the greatest version. */
export const agentRecord = agentDto.extend({ version: z.int() });
export type AgentRecord = z.infer<typeof agentRecord>;
