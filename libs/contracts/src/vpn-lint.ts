import { z } from 'zod';
import { appleContext, appleDialect, appleOutcome } from './vpn-apple.ts';

/** What lint looks for. Source: the catalogue in services/vpn-policy/README.md. */
export const vpnLintRule = z.enum([
  'CONTRADICTORY_RULE',
  'DEPRECATED_ALLOW',
  'DEPRECATED_LIST',
  'DIALECT_DIVERGENCE',
  'EMPTY_MATCH_ARRAY',
  'EMPTY_STRING_VALUE',
  'KEY_NOT_APPLICABLE',
  'LOSSY_EXPORT',
  'MISPLACED_KEY',
  'MISSING_CATCHALL',
  'MISSING_REQUIRED_KEY',
  'NON_PORTABLE_STAR_DOMAIN',
  'NOT_AN_ADDRESS',
  'ON_DEMAND_WITH_INTERACTIVE_AUTH',
  'PROBE_NOT_HTTPS',
  'PROBE_SELF_DEADLOCK',
  'RULES_PRESENT_BUT_DISABLED',
  'SHADOWED_BY_CATCHALL',
  'SHADOWED_BY_RULE',
  'SHADOWED_PARAMETER',
  'UNKNOWN_ENUM',
  'UNKNOWN_KEY',
  'UNSUPPORTED_WILDCARD_POSITION',
  'WILDCARD_NOT_ON_OCTET_BOUNDARY',
  'WILDCARD_NOT_SUPPORTED_IN_SSID',
  'WRONG_DIALECT',
  'WRONG_TYPE',
]);
export type VpnLintRule = z.infer<typeof vpnLintRule>;

/** One change of RFC 6902. */
export const vpnPatch = z.object({
  op: z.enum(['add', 'remove', 'replace']),
  path: z.string(),
  value: z.unknown().optional(),
});
export type VpnPatch = z.infer<typeof vpnPatch>;

/** A context and what each named reading decides in it. */
export const vpnWitness = z.object({
  context: appleContext,
  /** What to change in the policy first: a policy that is switched off shows nothing. */
  after: z.array(vpnPatch).optional(),
  answers: z.array(appleOutcome.extend({ dialect: appleDialect })).min(1),
});
export type VpnWitness = z.infer<typeof vpnWitness>;

export const vpnFinding = z.object({
  rule: vpnLintRule,
  severity: z.enum(['error', 'warning', 'info']),
  /** JSON pointer into what was linted. */
  place: z.string(),
  ruleIndex: z.int().nullable(),
  why: z.string(),
  /** `null`: the policy cannot be evaluated as it stands, or no context shows it. */
  witness: vpnWitness.nullable(),
  fix: z.object({ text: z.string(), patch: z.array(vpnPatch).nullable() }),
});
export type VpnFinding = z.infer<typeof vpnFinding>;

export const vpnLintAnswer = z.object({
  dialect: appleDialect,
  findings: z.array(vpnFinding),
  /** Checks that would have needed more classes of contexts than the limit. */
  undecided: z.array(z.object({ rule: vpnLintRule, place: z.string(), why: z.string() })),
});
export type VpnLintAnswer = z.infer<typeof vpnLintAnswer>;
