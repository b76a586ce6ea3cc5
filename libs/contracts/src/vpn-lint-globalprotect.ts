import { z } from 'zod';
import { globalProtectContext, globalProtectOutcome } from './vpn-globalprotect.ts';
import { vpnPatch } from './vpn-lint.ts';

/** What lint looks for in a GlobalProtect portal configuration. Source: the catalogue in services/vpn-policy/README.md. */
export const globalProtectLintRule = z.enum([
  'MACHINE_CERTIFICATE_NEEDED',
  'METHOD_NOT_ON_PLATFORM',
  'MISSING_REQUIRED_KEY',
  'NEVER_RECONNECTS',
  'NO_OVERRIDE_LIMIT',
  'OVERRIDE_WITHOUT_EFFECT',
  'SAML_ON_IOS_ON_DEMAND_ONLY',
  'TICKET_NOT_ON_ANDROID',
  'UNKNOWN_ENUM',
  'UNKNOWN_KEY',
  'WRONG_DIALECT',
  'WRONG_TYPE',
]);
export type GlobalProtectLintRule = z.infer<typeof globalProtectLintRule>;

export const globalProtectFinding = z.object({
  rule: globalProtectLintRule,
  severity: z.enum(['error', 'warning', 'info']),
  /** JSON pointer into the configuration. */
  place: z.string(),
  why: z.string(),
  /** A context and what `/v1/vpn/evaluate` says in it. `null`: the configuration cannot be evaluated as it stands. */
  witness: z.object({ context: globalProtectContext, answer: globalProtectOutcome }).nullable(),
  fix: z.object({ text: z.string(), patch: z.array(vpnPatch).nullable() }),
});
export type GlobalProtectFinding = z.infer<typeof globalProtectFinding>;

export const globalProtectLintAnswer = z.object({
  dialect: z.literal('globalprotect'),
  findings: z.array(globalProtectFinding),
  /** Always empty: there are few contexts, and all are looked at. */
  undecided: z.array(z.object({ rule: globalProtectLintRule, place: z.string(), why: z.string() })),
});
export type GlobalProtectLintAnswer = z.infer<typeof globalProtectLintAnswer>;
