import { z } from 'zod';
import { pageOf, pageParameters, repeatable } from './paging.ts';
import { deviceId, text, timestamp, uuid } from './vocabulary.ts';
import { vpnEvaluateAnswer } from './vpn-evaluate.ts';
import { vpnDialect } from './vpn-policy-body.ts';
import { countedThreat, postureAnswer } from './vpn-posture.ts';

/** What is decided, whatever the dialect: its `decision`, or for GlobalProtect its `action`. */
const decided = z.string();

/** A decision as the log keeps it. */
export const vpnDecisionRecord = z.object({
  id: uuid,
  decidedAt: timestamp,
  deviceId: deviceId.optional(),
  /** Absent with `policyVersion`: the caller sent the policy along. */
  policyId: uuid.optional(),
  policyVersion: z.int().min(1).optional(),
  by: z.enum(['asked', 'query', 'group', 'everyone', 'stateless']).describe('How the policy came to decide.'),
  dialect: vpnDialect,
  decision: decided,
  reason: z.string().optional(),
  /** Absent unless threats that stand unresolved made it. */
  posture: z.object({ action: z.string(), taskIds: z.array(uuid) }).optional(),
});
export type VpnDecisionRecord = z.infer<typeof vpnDecisionRecord>;

/** What a decision was made from. Values that may be secrets are not kept: a mark stands in their place. */
export const vpnDecisionInputs = z.object({
  context: z.record(z.string(), z.unknown()),
  /** The threats that stood unresolved on the device; absent where nobody looked. */
  unresolved: z.array(countedThreat).optional(),
  /** The policy, where the caller sent it along. */
  body: z.record(z.string(), z.unknown()).optional(),
});
export type VpnDecisionInputs = z.infer<typeof vpnDecisionInputs>;

/**
 * The value of a record on `vpn-decisions.v1` (key = device id, without one the decision's own id). Records may come twice: drop repeats of
 * an `id`.
 */
export const vpnDecisionMessage = vpnDecisionRecord.extend({
  inputs: vpnDecisionInputs
    .optional()
    .describe('Absent where they are longer than 16 KiB: `GET /v1/vpn/decisions/{id}` has them.'),
});
export type VpnDecisionMessage = z.infer<typeof vpnDecisionMessage>;

/** One decision with its inputs; `answer` is decided again from them, by the policy as it was, when asked for. */
export const vpnDecisionDto = vpnDecisionRecord.extend({
  inputs: vpnDecisionInputs,
  answer: z
    .union([postureAnswer, vpnEvaluateAnswer])
    .optional()
    .describe('With `?trace=true`: the whole answer again.'),
});
export type VpnDecisionDto = z.infer<typeof vpnDecisionDto>;

export const vpnDecisionPage = pageOf(vpnDecisionRecord);
export const vpnDecisionQuery = z.strictObject({
  trace: z
    .enum(['true', 'false'])
    .default('false')
    .transform((word) => word === 'true')
    .describe('Decides again from what was recorded, with the trace.'),
});

export const vpnDecisionListQuery = z.strictObject({
  device: text(128).optional().describe('A device id.'),
  policy: uuid.optional(),
  decision: repeatable(text(64)).describe('Such as `connect`.'),
  reason: repeatable(text(64)).describe('Such as `RULE_MATCHED_CATCHALL`.'),
  posture: z
    .enum(['true', 'false'])
    .transform((word) => word === 'true')
    .optional()
    .describe('Whether threats that stand unresolved made it.'),
  since: timestamp.optional().describe('Only decisions made at or after this time.'),
  until: timestamp.optional().describe('Only decisions made at or before this time.'),
  ...pageParameters,
});
export type VpnDecisionListQuery = z.infer<typeof vpnDecisionListQuery>;
