import { z } from 'zod';
import { isShallow, TOO_DEEP } from './nesting.ts';
import { dictionaryOf } from './vpn-dictionary.ts';
import { vpnExplanation } from './vpn-explanation.ts';

/** The three named readings of Apple's rules; docs and header and source contradict each other (services/vpn-policy/README.md). */
export const appleDialect = z.enum(['apple-mdm', 'apple-ne', 'apple-legacy']);
export type AppleDialect = z.infer<typeof appleDialect>;

const strings = z.array(z.string());

export const appleParameter = z.looseObject({
  /** Absent: the entry is skipped. */
  Domains: strings.optional(),
  DomainAction: z.enum(['ConnectIfNeeded', 'NeverConnect']),
  RequiredDNSServers: strings.optional(),
  RequiredURLStringProbe: z.string().optional(),
});
export type AppleParameter = z.infer<typeof appleParameter>;

/** One of `OnDemandRules`: all criteria that are present must hold. */
export const appleRule = z.looseObject({
  Action: z.enum(['Connect', 'Disconnect', 'Ignore', 'EvaluateConnection', 'Allow']),
  InterfaceTypeMatch: z.enum(['Ethernet', 'WiFi', 'Cellular']).optional(),
  SSIDMatch: strings.optional(),
  DNSDomainMatch: strings.optional(),
  DNSServerAddressMatch: strings.optional(),
  URLStringProbe: z.string().optional(),
  ActionParameters: z.array(appleParameter).optional(),
});
export type AppleRule = z.infer<typeof appleRule>;

/** The VPN dictionary of a com.apple.vpn.managed payload: what a client reads. Keys that have no part in on-demand are let through. */
export const appleDictionary = z.looseObject({
  OnDemandEnabled: z.int().optional(),
  OnDemandRules: z.array(appleRule).optional(),
  OnDemandMatchDomainsAlways: strings.optional(),
  OnDemandMatchDomainsOnRetry: strings.optional(),
  OnDemandMatchDomainsNever: strings.optional(),
  VPNType: z.string().optional(),
});
export type AppleDictionary = z.infer<typeof appleDictionary>;

/** Of a whole payload only the dictionary is looked at; what stands around it lint names. */
const payloadOfAnyForm = z
  .looseObject({})
  .refine((payload) => isShallow(payload), TOO_DEEP)
  .superRefine((payload, { addIssue }) => {
    const { dictionary, base } = dictionaryOf(payload);
    const around = base === '' ? [] : [base.slice(1)];
    for (const { path, message } of appleDictionary.safeParse(dictionary).error?.issues ?? []) {
      addIssue({ code: 'custom', message, path: [...around, ...path] });
    }
  });

/**
 * A VPN dictionary, or the whole payload with one in it; `readDictionary` is what decides of both. The first alternative is what documents
 * show; where it aborts, what is wrong is told by the second, which takes both forms.
 */
export const applePayload = z.union([
  appleDictionary.refine((payload) => isShallow(payload) && dictionaryOf(payload).base === '', { abort: true }),
  payloadOfAnyForm.describe(
    'A whole com.apple.vpn.managed payload: of it the dictionary decides that its VPNType names.',
  ),
]);
export type ApplePayload = z.infer<typeof applePayload>;

/** What a client reads of a payload: the dictionary in it, where it is a whole one. Places in answers are pointers into it. */
export function readDictionary(payload: ApplePayload): AppleDictionary {
  return dictionaryOf(payload).dictionary as AppleDictionary;
}

export const appleInterface = z.enum(['WiFi', 'Ethernet', 'Cellular', 'Other']);
export const vpnDnsAnswer = z.enum(['resolved', 'nxdomain', 'timeout', 'redirected']);
export type VpnDnsAnswer = z.infer<typeof vpnDnsAnswer>;

/**
 * Bounds of what a context may hold, far above what devices have: each entry is compared with each of the policy's, and stands in the trace
 * of each rule.
 */
export const CONTEXT_BOUNDS = { characters: 1024, keyCharacters: 8192, entries: 64, probes: 1024 } as const;
export const contextText = z.string().max(CONTEXT_BOUNDS.characters);
const contextList = z.array(z.string().max(255)).max(CONTEXT_BOUNDS.entries);

/** By URLs and addresses of a policy, which may be as long as servers take them. */
function bounded<V extends z.ZodType>(value: V) {
  return z
    .record(z.string().max(CONTEXT_BOUNDS.keyCharacters), value)
    .refine((answers) => Object.keys(answers).length <= CONTEXT_BOUNDS.probes, {
      message: `Too big: expected at most ${CONTEXT_BOUNDS.probes} keys`,
    });
}

/** `{}` is a probe that nobody answered yet. */
export const probeAnswer = z.object({
  status: z.int().optional(),
  redirected: z.boolean().optional(),
  /** No decision hangs on its words, so one that is too long is cut. */
  error: z
    .string()
    .overwrite((text) =>
      text.length <= CONTEXT_BOUNDS.characters ? text : text.slice(0, CONTEXT_BOUNDS.characters).toWellFormed(),
    )
    .optional(),
});
export type ProbeAnswer = z.infer<typeof probeAnswer>;

const contextNetwork = z.object({
  interface: appleInterface.nullable().optional(),
  ssid: contextText.nullable().optional(),
  searchDomains: contextList.optional(),
  dnsServers: contextList.optional(),
  primaryIsVirtual: z.boolean().optional(),
});
const contextConnection = z.object({ host: contextText.optional(), dns: vpnDnsAnswer.optional() });

/** Where a device is. A missing key is unknown; `null` is known to be none. Without `connection`, none is being made yet. */
export const appleContext = z.object({
  vpn: z.enum(['connected', 'disconnected']).optional(),
  network: contextNetwork.optional(),
  connection: contextConnection.optional(),
  probes: bounded(probeAnswer).optional(),
  dnsServerReachable: bounded(z.boolean()).optional(),
  /** The user stopped the tunnel by hand and nothing happened since that ends the pause. */
  userPaused: z.boolean().optional(),
});
export type AppleContext = z.infer<typeof appleContext>;

/** Every point on which sources disagree or are silent; defaults per dialect in dialects/apple/readings.ts, sources in the README. */
export const appleReadings = z.strictObject({
  dnsServers: z.enum(['any', 'each']),
  noDnsServers: z.enum(['fails', 'holds']),
  canonicalAddresses: z.boolean(),
  searchDomain: z.enum(['label-suffix', 'equal', 'raw-suffix']),
  searchDomainsConsidered: z.enum(['any', 'first']),
  host: z.enum(['label-suffix', 'raw-suffix']),
  listHost: z.enum(['label-suffix', 'raw-suffix']),
  bareStar: z.enum(['all', 'none']),
  topLevelDomains: z.boolean(),
  caseSensitive: z.boolean(),
  alwaysList: z.enum(['on-retry', 'immediate']),
  neverListStopsConnect: z.boolean(),
  unansweredRuleProbe: z.enum(['pending', 'failed']),
  unansweredRequiredProbe: z.enum(['pending', 'failed']),
  requiredProbeRedirect: z.enum(['succeeds', 'fails']),
  redirectedFailsLists: z.boolean(),
  manualStopPauses: z.boolean(),
});
export type AppleReadings = z.infer<typeof appleReadings>;

/** As it comes with a policy of its own: whoever wrote both is told of a key that nobody looks at, for it may be a misspelt one. */
const writtenContext = appleContext
  .extend({
    network: contextNetwork.strict().optional(),
    connection: contextConnection.strict().optional(),
    probes: bounded(probeAnswer.strict()).optional(),
  })
  .strict();

export const appleEvaluateRequest = z.object({
  dialect: appleDialect.default('apple-mdm'),
  payload: applePayload,
  context: writtenContext,
  readings: appleReadings.partial().optional(),
});

/** `always`: an AlwaysOn tunnel, which has no rules. `unknown`: the inputs that are known allow several of `possible`. */
export const appleDecision = z.enum([
  'connect',
  'disconnect',
  'ignore',
  'evaluate',
  'no-trigger',
  'disabled',
  'not-evaluated',
  'pending',
  'always',
  'unknown',
]);
export const appleReason = z.enum([
  'ALWAYS_ON',
  'INPUT_UNKNOWN',
  'LEGACY_ALWAYS',
  'LEGACY_DNS_RESOLVED',
  'LEGACY_NEVER',
  'LEGACY_NO_DOMAIN',
  'LEGACY_ONRETRY_DNS_FAILED',
  'NO_PARAM_MATCHED',
  'NO_PRIMARY_NETWORK',
  'NO_RULE_MATCHED',
  'ON_DEMAND_DISABLED',
  'PARAM_DNS_FAILED',
  'PARAM_DNS_REDIRECTED',
  'PARAM_DNS_RESOLVED',
  'PARAM_NEVER_CONNECT',
  'PARAM_REQUIRED_DNS_UNREACHABLE',
  'PARAM_REQUIRED_PROBE_FAILED',
  'PROBE_PENDING',
  'RULE_MATCHED',
  'RULE_MATCHED_CATCHALL',
  'USER_PAUSED',
  'VIRTUAL_PRIMARY_INTERFACE',
]);
export const appleOutcome = z.object({
  decision: appleDecision,
  /** 0-based. */
  ruleIndex: z.int().nullable(),
  paramIndex: z.int().nullable(),
  reason: appleReason,
});
export type AppleOutcome = z.infer<typeof appleOutcome>;

export const appleAnswer = appleOutcome.extend({
  /** The tunnel after the decision took effect, for `connect` after the next connection attempt; `null`: not known. */
  nextVpn: z.enum(['connected', 'disconnected']).nullable(),
  /** Probes that the client sends on its way to the decision, in order. */
  probesIssued: strings,
  /** More than one only when an input is unknown. Never too few; of outcomes that hang on the same unknown it may list some that exclude each other. */
  possible: z.array(appleOutcome).min(1),
  ...vpnExplanation.shape,
});
export type AppleAnswer = z.infer<typeof appleAnswer>;
