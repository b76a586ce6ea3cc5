import { z } from 'zod';
import { deviceGroup } from './device.ts';
import { deviceQuery } from './device-query.ts';
import { text } from './vocabulary.ts';
import { sentVpnPolicyBody, vpnPolicyBody } from './vpn-policy-body.ts';
import { postureSettings } from './vpn-posture.ts';

/** All that a policy decides by. A published one never changes. */
export const vpnPolicyContent = z.object({
  body: vpnPolicyBody,
  /** Absent: threats that stand unresolved change nothing. */
  posture: postureSettings.optional(),
});
export type VpnPolicyContent = z.infer<typeof vpnPolicyContent>;

/** A content as somebody sends it. */
export const sentVpnPolicyContent = vpnPolicyContent.extend({ body: sentVpnPolicyBody });

export const vpnPolicyName = text(128).min(1);
export const vpnPolicyDescription = text(4096);

/** Why somebody changed a policy, for whoever reads its history. */
export const changeReason = text(1024).min(1);

/**
 * Which devices a policy is for: those of the groups and those that any of the queries means. `everyone`: also those that no other policy is
 * for. A device gets exactly one policy; services/vpn-policy/README.md has the order.
 */
export const vpnAssignment = z.strictObject({
  priority: z.int().min(0).max(1000).default(0).describe('Of two policies for one device the greater one holds.'),
  groups: z.array(deviceGroup).max(256).default([]),
  queries: z.array(deviceQuery).max(16).default([]),
  everyone: z.boolean().default(false),
});
export type VpnAssignment = z.infer<typeof vpnAssignment>;

const draft = {
  name: vpnPolicyName,
  description: vpnPolicyDescription.optional(),
  content: vpnPolicyContent,
  reason: changeReason,
};

/** Every event of a policy's stream, by type, with the shape of its `data`. All at schema version 1. */
export const vpnPolicyEventData = {
  PolicyDrafted: z.object(draft),
  PolicyDraftEdited: z.object(draft),
  /** Its content is that of the draft as it was then; lint rules in `acceptedFindings` were errors that somebody let pass. */
  PolicyPublished: z.object({
    number: z.int().min(1),
    content: vpnPolicyContent,
    acceptedFindings: z.array(z.string()),
    reason: changeReason,
  }),
  /** A new publication with the content of an earlier one. */
  PolicyRolledBack: z.object({ number: z.int().min(1), restores: z.int().min(1), reason: changeReason }),
  PolicyAssigned: vpnAssignment.extend({ reason: changeReason }),
  PolicyUnassigned: z.object({ reason: changeReason }),
  PolicyRetired: z.object({ reason: changeReason }),
} as const;

export type VpnPolicyEventType = keyof typeof vpnPolicyEventData;
export type VpnPolicyEvent = {
  [T in VpnPolicyEventType]: { readonly type: T; readonly data: z.infer<(typeof vpnPolicyEventData)[T]> };
}[VpnPolicyEventType];
export const VPN_POLICY_EVENT_VERSION = 1;
