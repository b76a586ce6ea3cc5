import { z } from 'zod';
import { meansEveryDevice } from './device-query.ts';
import { deviceRecord } from './device-record.ts';
import { pageOf, pageParameters, repeatable } from './paging.ts';
import { historyItem } from './task.ts';
import { deviceId, text, timestamp, uuid } from './vocabulary.ts';
import { vpnAnyDiffAnswer } from './vpn-diff.ts';
import { sentVpnPolicyBody, vpnDialect } from './vpn-policy-body.ts';
import {
  changeReason,
  vpnAssignment,
  vpnPolicyContent,
  vpnPolicyDescription,
  vpnPolicyName,
} from './vpn-policy-events.ts';
import { postureAnswer, postureSettings } from './vpn-posture.ts';

export const vpnPolicyState = z.enum(['draft', 'published', 'retired']);

/** Body of `POST /v1/vpn/policies` and `PUT …/draft`. Values that may be secrets are not kept: a mark stands in their place. */
export const vpnPolicyDraft = z.strictObject({
  name: vpnPolicyName,
  description: vpnPolicyDescription.optional(),
  body: sentVpnPolicyBody,
  posture: postureSettings.optional(),
  reason: changeReason,
});
export type VpnPolicyDraft = z.infer<typeof vpnPolicyDraft>;

export const publishVpnPolicy = z.strictObject({
  reason: changeReason,
  acceptFindings: z.array(text(64)).max(64).default([]).describe('Lint rules whose errors are let pass.'),
});
export const rollBackVpnPolicy = z.strictObject({ version: z.int().min(1), reason: changeReason });
export const retireVpnPolicy = z.strictObject({ reason: changeReason });
/** Body of `PUT …/assignment`; without groups, queries and everyone it is for no device. */
export const assignVpnPolicy = vpnAssignment.extend({ reason: changeReason }).superRefine(({ queries }, context) => {
  queries.forEach((query, index) => {
    if (!meansEveryDevice(query)) return;
    const message =
      'is empty and means every device: say "everyone": true instead, which lets the policies of fewer devices come first';
    context.addIssue({ code: 'custom', path: ['queries', index], message });
  });
});
export type AssignVpnPolicy = z.infer<typeof assignVpnPolicy>;

/** A publication. Nothing changes it. */
export const vpnPolicyVersion = z.object({
  number: z.int().min(1),
  publishedAt: timestamp,
  publishedBy: z.string(),
  reason: z.string(),
  acceptedFindings: z.array(z.string()),
  restores: z.int().min(1).optional().describe('It was a rollback to that version.'),
});
export type VpnPolicyVersionInfo = z.infer<typeof vpnPolicyVersion>;
export const vpnPolicyVersionDto = vpnPolicyVersion.extend({ content: vpnPolicyContent });
export const vpnPolicyVersionPage = pageOf(vpnPolicyVersion);

const assigned = vpnAssignment.extend({ since: timestamp });

/** A policy in a list. */
export const vpnPolicySummary = z.object({
  id: uuid,
  name: z.string(),
  description: z.string().optional(),
  state: vpnPolicyState,
  dialect: vpnDialect,
  current: z.int().min(1).optional().describe('The version in force; absent before the first publication.'),
  hasDraft: z.boolean().describe('Whether the draft differs from the version in force.'),
  assignment: assigned.optional().describe('Absent: for no device.'),
  createdAt: timestamp,
  createdBy: z.string(),
  updatedAt: timestamp,
  version: z.int().min(1).describe('Of its stream; also its `ETag`.'),
});
export type VpnPolicySummary = z.infer<typeof vpnPolicySummary>;

export const vpnPolicyDto = vpnPolicySummary.extend({
  draft: vpnPolicyContent.optional().describe('Absent where it is the version in force.'),
  inForce: vpnPolicyVersionDto.optional(),
});
export type VpnPolicyDto = z.infer<typeof vpnPolicyDto>;

export const vpnPolicyPage = pageOf(vpnPolicySummary);
export const vpnPolicyListQuery = z.strictObject({
  state: repeatable(vpnPolicyState),
  dialect: repeatable(vpnDialect),
  name: text(128).optional().describe('A part of its name, in any case.'),
  assigned: z
    .enum(['true', 'false'])
    .transform((word) => word === 'true')
    .optional(),
  ...pageParameters,
});
export type VpnPolicyListQuery = z.infer<typeof vpnPolicyListQuery>;

export const vpnPolicyHistoryPage = pageOf(historyItem);

/** What lint says to the draft, and what stands in the way of publishing it. */
export const vpnPolicyValidation = z.object({
  publishable: z.boolean(),
  blocking: z
    .array(z.string())
    .describe('Rules with an error, which `acceptFindings` of a publication would have to name.'),
  findings: z.array(z.record(z.string(), z.unknown())),
  undecided: z.array(z.record(z.string(), z.unknown())),
});
export type VpnPolicyValidation = z.infer<typeof vpnPolicyValidation>;

const versionOrDraft = z.union([z.literal('draft'), z.coerce.number().int().min(1)]);
export const vpnPolicyDiffQuery = z.strictObject({
  from: versionOrDraft.optional().describe('A version, or `draft`; absent: the version in force.'),
  to: versionOrDraft.default('draft').describe('A version, or `draft`.'),
});

const posturesThatDiffer = z.object({ left: postureSettings.nullable(), right: postureSettings.nullable() });

/** Answer of `GET …/diff`: the policies compared by meaning, and their posture settings where these are not the same. */
export const vpnPolicyDiffAnswer = z.union([
  vpnAnyDiffAnswer.and(z.object({ posture: posturesThatDiffer.optional() })),
  z
    .object({ result: z.literal('different-posture'), classes: z.int(), posture: posturesThatDiffer })
    .describe('Only the posture settings differ.'),
]);
export type VpnPolicyDiffAnswer = z.infer<typeof vpnPolicyDiffAnswer>;

/** A context in the terms of the policy's dialect, as in `POST /v1/vpn/evaluate`. */
const context = z.record(z.string(), z.unknown());
export const vpnPolicyEvaluateRequest = z.strictObject({
  deviceId: deviceId.optional().describe('Whose posture counts; absent: nobody’s.'),
  context,
  version: z
    .union([z.literal('draft'), z.int().min(1)])
    .optional()
    .describe('Absent: the version in force.'),
});
export type VpnPolicyEvaluateRequest = z.infer<typeof vpnPolicyEvaluateRequest>;
export const vpnDeviceEvaluateRequest = z.strictObject({ context });

/** Which policy decides, and why that one. */
export const vpnPolicyChoice = z.object({
  policyId: uuid,
  name: z.string(),
  version: z.union([z.literal('draft'), z.int().min(1)]),
  by: z
    .enum(['asked', 'query', 'group', 'everyone'])
    .describe('`asked`: the caller named the policy. Else what in its assignment means the device.'),
  priority: z.int().optional(),
  /** Policies that are for this device too, and came after. */
  passedOver: z.array(uuid).optional(),
});
export type VpnPolicyChoice = z.infer<typeof vpnPolicyChoice>;

/** Answer of the calls that decide by a stored policy. */
export const vpnDecision = z.object({
  id: uuid.describe('Of the decision; found in the log when it was kept.'),
  decidedAt: timestamp,
  deviceId: deviceId.optional(),
  device: z.enum(['known', 'unknown']).optional().describe('Whether the registry told of it.'),
  policy: vpnPolicyChoice.nullable().describe('`null`: no policy is for this device.'),
  answer: postureAnswer.nullable(),
});
export type VpnDecision = z.infer<typeof vpnDecision>;

export const vpnDevicePage = pageOf(deviceRecord.extend({ by: vpnPolicyChoice.shape.by }));
