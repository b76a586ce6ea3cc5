import { z } from 'zod';
import { ciscoContext, ciscoOutcome } from './vpn-cisco.ts';
import { vpnPatch } from './vpn-lint.ts';

/** What lint looks for in an AnyConnect profile. Source: the catalogue in services/vpn-policy/README.md. */
export const ciscoLintRule = z.enum([
  'ALWAYS_BEHAVES_AS_IF_NEEDED',
  'COVERED_ENTRY',
  'DUPLICATE_ENTRY',
  'EMPTY_STRING_VALUE',
  'IP_NOT_ALLOWED_IN_RULE',
  'NO_RULES',
  'RULES_PRESENT_BUT_DISABLED',
  'SHADOWED_BY_NEVER',
  'UNKNOWN_ENUM',
  'UNKNOWN_KEY',
  'WILDCARD_NOT_SUPPORTED',
  'WRONG_DIALECT',
  'WRONG_TYPE',
]);
export type CiscoLintRule = z.infer<typeof ciscoLintRule>;

export const ciscoFinding = z.object({
  rule: ciscoLintRule,
  severity: z.enum(['error', 'warning', 'info']),
  /** JSON pointer into the profile. */
  place: z.string(),
  why: z.string(),
  /** A context and what `/v1/vpn/evaluate` says in it. `null`: no context shows it. */
  witness: z
    .object({
      context: ciscoContext,
      /** What to change in the profile first: one that is switched off shows nothing. */
      after: z.array(vpnPatch).optional(),
      answer: ciscoOutcome,
    })
    .nullable(),
  fix: z.object({ text: z.string(), patch: z.array(vpnPatch).nullable() }),
});
export type CiscoFinding = z.infer<typeof ciscoFinding>;

export const ciscoLintAnswer = z.object({
  dialect: z.literal('cisco-anyconnect'),
  findings: z.array(ciscoFinding),
  /** Checks that would have compared too many entries. */
  undecided: z.array(z.object({ rule: ciscoLintRule, place: z.string(), why: z.string() })),
});
export type CiscoLintAnswer = z.infer<typeof ciscoLintAnswer>;
