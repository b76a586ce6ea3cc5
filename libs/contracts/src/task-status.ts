import { z } from 'zod';
import { agentComponent, reportedThreat, rollbackItem } from './run-result.ts';
import { timestamp } from './vocabulary.ts';

/** Why a task counts as incomplete (status 15). */
export const incompleteReason = z.enum([
  'lost-over-restart',
  'lost-deliveries',
  'agent-crashed',
  'silent-scan',
  'total-wait-over',
  'cancelled',
  'agent-replaced',
]);
export type IncompleteReason = z.infer<typeof incompleteReason>;

/** Which entry of which exception covers an endpoint. */
export const exceptionMatch = z.object({
  exceptionId: z.string(),
  kind: z.enum(['ip', 'cidr', 'hostname', 'device']),
  value: z.string(),
});
export type ExceptionMatch = z.infer<typeof exceptionMatch>;

const phase = z.enum(['queued', 'dispatched', 'accepted']);
export type RunPhase = z.infer<typeof phase>;

const threats = z.array(reportedThreat);

/** One of the 23 statuses with the facts that its description and recommended actions need. Made by folding a task's events, never stored as input. */
export const taskStatus = z.discriminatedUnion('code', [
  z.object({ code: z.literal('mitigation-in-progress'), phase }),
  z.object({ code: z.literal('all-threats-resolved') }),
  z.object({
    code: z.literal('security-software-took-action'),
    by: z.string().optional(),
    action: z.string().optional(),
  }),
  z.object({ code: z.literal('threat-no-longer-exists') }),
  z.object({ code: z.literal('potential-threat-resolved') }),
  z.object({ code: z.literal('no-threat-found'), bypassedFiles: z.int().optional() }),
  z.object({ code: z.literal('rollback-successful') }),
  z.object({ code: z.literal('manual-cleanup-needed') }),
  z.object({ code: z.literal('mitigation-exception'), exception: exceptionMatch }),
  z.object({
    code: z.literal('selected-threats-resolved'),
    left: threats,
    reason: z.literal('no-answer').optional(),
  }),
  z.object({
    code: z.literal('no-action-on-threats'),
    left: threats,
    reason: z.literal('no-answer').optional(),
  }),
  z.object({ code: z.literal('mitigation-timeout'), limitSeconds: z.number() }),
  z.object({
    code: z.literal('cannot-connect-to-endpoint'),
    limitSeconds: z.number().optional(),
    lastContactAt: timestamp.optional(),
  }),
  z.object({ code: z.literal('platform-not-supported'), scanOffered: z.boolean() }),
  z.object({
    code: z.literal('incomplete-task'),
    reason: incompleteReason,
    limitSeconds: z.number().optional(),
  }),
  z.object({ code: z.literal('not-all-threats-resolved'), failed: threats }),
  z.object({
    code: z.literal('not-all-selected-threats-resolved'),
    failed: threats,
    left: threats,
  }),
  z.object({
    code: z.literal('agent-component-restart-required'),
    component: agentComponent.optional(),
  }),
  z.object({
    code: z.literal('agent-component-error'),
    component: agentComponent.optional(),
    /** Set when the agent's result broke the contract: where and why. */
    rejected: z.object({ pointer: z.string(), detail: z.string() }).optional(),
  }),
  z.object({ code: z.literal('corrupted-configuration'), configurationFile: z.string().optional() }),
  z.object({ code: z.literal('pattern-not-found'), patternId: z.string().optional() }),
  z.object({ code: z.literal('cannot-send-scan-query') }),
  z.object({ code: z.literal('rollback-unsuccessful'), items: z.array(rollbackItem) }),
]);
export type TaskStatus = z.infer<typeof taskStatus>;
export type StatusCode = TaskStatus['code'];
