import { z } from 'zod';
import { repeatable } from './paging.ts';
import { deviceId, text, timestamp, uuid } from './vocabulary.ts';
import { sentVpnPolicyContent } from './vpn-policy-events.ts';

/** What was decided, whatever the dialect. */
export const vpnBrief = z.object({ decision: z.string(), reason: z.string().optional() });
export type VpnBrief = z.infer<typeof vpnBrief>;

/** One context in which it would change. */
export const vpnWhatIfExample = z.object({
  line: z.int().min(1).optional().describe('Where the context stands in what was uploaded.'),
  decisionId: uuid.optional().describe('The recorded decision.'),
  deviceId: deviceId.optional(),
  context: z.record(z.string(), z.unknown()),
  from: vpnBrief.nullable(),
  to: vpnBrief,
});
export type VpnWhatIfExample = z.infer<typeof vpnWhatIfExample>;

/** What would be decided otherwise, counted by what it was and what it becomes; the most frequent first. */
export const vpnWhatIfAnswer = z.object({
  contexts: z.int().min(0).describe('How many were looked at, those that could not be decided included.'),
  changed: z.int().min(0),
  failed: z.int().min(0).describe('How many do not fit the dialect of the policy.'),
  postureUnknown: z
    .int()
    .min(1)
    .optional()
    .describe(
      'How many recorded decisions were not tried: the policy has posture settings, and what stood unresolved on the device was not recorded then.',
    ),
  outcomes: z.array(
    z.object({
      from: z.string().nullable().describe('`null`: there is nothing to compare with.'),
      to: z.string(),
      count: z.int().min(1),
      examples: z.array(vpnWhatIfExample).describe('The first few; only of those that change.'),
    }),
  ),
});
export type VpnWhatIfAnswer = z.infer<typeof vpnWhatIfAnswer>;

const version = z.union([z.literal('draft'), z.coerce.number().int().min(1)]);

/** Which recorded decisions are made again. */
export const vpnRecordedFilter = z.strictObject({
  device: text(128).optional(),
  policy: uuid.optional().describe('Absent: those of the policy itself; of any policy when a content is given.'),
  decision: repeatable(text(64)),
  since: timestamp.optional(),
  limit: z.int().min(1).max(10_000_000).default(1_000_000).describe('At most so many, the last made.'),
});
export type VpnRecordedFilter = z.infer<typeof vpnRecordedFilter>;

/** JSON body of `POST /v1/vpn/what-if`: recorded decisions against a policy's draft or a version of it, or against what is sent along. */
export const vpnWhatIfRequest = z
  .strictObject({
    policyId: uuid.optional(),
    version: version.default('draft'),
    content: sentVpnPolicyContent.optional(),
    decisions: vpnRecordedFilter.prefault({}),
  })
  .refine(({ policyId, content }) => (policyId === undefined) !== (content === undefined), {
    message: 'either policyId or content',
    path: ['policyId'],
  });
export type VpnWhatIfRequest = z.infer<typeof vpnWhatIfRequest>;

/** Query of `POST /v1/vpn/what-if` with contexts, a line each. */
export const vpnWhatIfQuery = z.object({
  policyId: uuid.optional().describe('With lines: the policy whose draft, or `version`, is tried.'),
  version: version.default('draft'),
  against: version.optional().describe('What it is compared with; absent: the version in force, if there is one.'),
});
