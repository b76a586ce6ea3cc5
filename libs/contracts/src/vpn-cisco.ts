import { z } from 'zod';
import { isShallow, TOO_DEEP } from './nesting.ts';
import { contextText, vpnDnsAnswer } from './vpn-apple.ts';
import { vpnExplanation } from './vpn-explanation.ts';

const rules = z.array(z.string()).nullish();

/** `MobileHostEntryInfo` of AnyConnectProfile.xsd. `Automatic` and `Disabled` are the editor's words for `Auto` and `None`. */
export const ciscoProfile = z
  .looseObject({
    CertificatePolicy: z.enum(['Auto', 'Manual', 'None', 'Automatic', 'Disabled']).nullish().describe('Default Auto.'),
    ConnectOnDemand: z.boolean().nullish().describe('Default false.'),
    Always: rules,
    Never: rules,
    IfNeeded: rules,
    /** The editor adds it to Never when Connect on Demand is switched on; leave it out when the user removed it there. */
    serverAddress: z.string().optional(),
  })
  .refine((profile) => isShallow(profile), TOO_DEEP);
export type CiscoProfile = z.infer<typeof ciscoProfile>;

const ciscoPlatform = z.object({ iosMajor: z.int().positive().optional() });

export const ciscoContext = z.object({
  host: contextText.optional(),
  dns: vpnDnsAnswer.optional(),
  /** Absent: a current iOS. */
  platform: ciscoPlatform.optional(),
});
export type CiscoContext = z.infer<typeof ciscoContext>;

/** Judgement calls; sources in services/vpn-policy/README.md. */
export const ciscoReadings = z.strictObject({
  /** Whether rules are switched off by CertificatePolicy None, and Disabled, its name in the editor. */
  certificatePolicyNoneDisables: z.boolean(),
  serverAddressInNever: z.boolean(),
  leadingDotMatchesApex: z.boolean(),
  /** Whether `host.example.com`, without a leading dot, also means the names below it. */
  hostRuleMatchesBelow: z.boolean(),
  redirectedIsFailure: z.boolean(),
  alwaysFromIos7: z.enum(['if-needed', 'immediate']),
});
export type CiscoReadings = z.infer<typeof ciscoReadings>;

export const ciscoEvaluateRequest = z.object({
  dialect: z.literal('cisco-anyconnect'),
  profile: ciscoProfile,
  context: ciscoContext.extend({ platform: ciscoPlatform.strict().optional() }).strict(),
  readings: ciscoReadings.partial().optional(),
});

export const ciscoOutcome = z.object({
  decision: z.enum(['connect', 'no-trigger', 'disabled', 'invalid', 'unknown']),
  reason: z.enum([
    'ALWAYS_CONNECT',
    'CERTIFICATE_POLICY_NONE',
    'DNS_RESOLVED',
    'IF_NEEDED_DNS_FAILED',
    'INPUT_UNKNOWN',
    'IP_NOT_ALLOWED_IN_RULE',
    'NEVER_CONNECT',
    'NO_RULE_MATCHED',
    'ON_DEMAND_OFF',
  ]),
});
export type CiscoOutcome = z.infer<typeof ciscoOutcome>;

export const ciscoAnswer = ciscoOutcome.extend({
  possible: z.array(ciscoOutcome).min(1),
  ...vpnExplanation.shape,
});
export type CiscoAnswer = z.infer<typeof ciscoAnswer>;
