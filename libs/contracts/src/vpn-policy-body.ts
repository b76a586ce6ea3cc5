import { z } from 'zod';
import { isShallow, TOO_DEEP } from './nesting.ts';
import { appleDialect, applePayload, appleReadings } from './vpn-apple.ts';
import { ciscoProfile, ciscoReadings } from './vpn-cisco.ts';
import { globalProtectPolicy, globalProtectReadings } from './vpn-globalprotect.ts';

const appleBody = z.object({
  dialect: appleDialect,
  payload: applePayload,
  readings: appleReadings.partial().optional(),
});
const ciscoBody = z.object({
  dialect: z.literal('cisco-anyconnect'),
  profile: ciscoProfile,
  readings: ciscoReadings.partial().optional(),
});
const globalProtectBody = z.object({
  dialect: z.literal('globalprotect'),
  settings: globalProtectPolicy,
  readings: globalProtectReadings.partial().optional(),
});

/** What a policy says, apart from any device: the dialect, what the vendor's client is configured with, and how it is read. */
export const vpnPolicyBody = z.discriminatedUnion('dialect', [appleBody, ciscoBody, globalProtectBody]);
export type VpnPolicyBody = z.infer<typeof vpnPolicyBody>;

/**
 * A policy's body as somebody sends it. A key that GlobalProtect does not have would be lost unseen, so it is refused; the other vendors' keys
 * are kept, for lint to find.
 */
export const sentVpnPolicyBody = z.discriminatedUnion('dialect', [
  appleBody,
  ciscoBody,
  globalProtectBody.extend({ settings: globalProtectPolicy.strict() }),
]);

export const vpnDialect = z.enum([...appleDialect.options, 'cisco-anyconnect', 'globalprotect']);
export type VpnDialect = z.infer<typeof vpnDialect>;

/** Where in a request the policy of a dialect stands, and what of it may be read otherwise. */
function vendorOf(dialect: VpnDialect) {
  if (dialect === 'cisco-anyconnect') return { key: 'profile', readings: ciscoReadings } as const;
  if (dialect === 'globalprotect') return { key: 'settings', readings: globalProtectReadings } as const;
  return { key: 'payload', readings: appleReadings } as const;
}

const policy = z.unknown().refine((value) => isShallow(value), TOO_DEEP);

/** Body of `POST /v1/vpn/lint`: a policy that need not be well formed, for that is one of the findings. */
export const vpnLintRequest = z
  .object({
    dialect: vpnDialect.default('apple-mdm'),
    payload: policy.optional().describe('apple: a VPN dictionary, or a whole com.apple.vpn.managed payload.'),
    profile: policy.optional().describe('cisco-anyconnect: the profile.'),
    settings: policy.optional().describe("globalprotect: the portal's agent configuration."),
    readings: z
      .union([appleReadings.partial(), ciscoReadings.partial(), globalProtectReadings.partial()], {
        error: 'has a key or a value that is none of the readings of one dialect',
      })
      .optional()
      .describe('As in the policy: single points of its dialect that are read otherwise.'),
  })
  .superRefine((request, { addIssue }) => {
    const { key, readings } = vendorOf(request.dialect);
    if (request[key] === undefined) {
      addIssue({ code: 'custom', message: `a policy of ${request.dialect} stands in ${key}`, path: [key] });
    }
    for (const issue of readings.partial().optional().safeParse(request.readings).error?.issues ?? []) {
      addIssue({ code: 'custom', message: issue.message, path: ['readings', ...issue.path] });
    }
  });
export type VpnLintRequest = z.infer<typeof vpnLintRequest>;

/** Body of `POST /v1/vpn/diff`: both of one vendor. */
export const vpnDiffRequest = z.object({ left: sentVpnPolicyBody, right: sentVpnPolicyBody });
export type VpnDiffRequest = z.infer<typeof vpnDiffRequest>;
