import { z } from 'zod';

/** What is known of one condition. Three-valued: `unknown` when an input is missing; `not-evaluated` when an earlier condition already failed. */
export const vpnVerdict = z.enum(['held', 'not-held', 'unknown', 'not-evaluated']);
export type VpnVerdict = z.infer<typeof vpnVerdict>;

/** One condition of a step: what the policy wants, what the context has. */
export const vpnCriterion = z.object({
  name: z.string(),
  verdict: vpnVerdict,
  wanted: z.unknown(),
  /** Absent when the context does not say. */
  found: z.unknown().optional(),
});
export type VpnCriterion = z.infer<typeof vpnCriterion>;

/** One step of a client on its way to a decision, in its order. */
export const vpnStep = z.object({
  /** JSON pointer into the policy, such as `/OnDemandRules/0/ActionParameters/1`. */
  place: z.string(),
  verdict: vpnVerdict,
  action: z.string().optional(),
  criteria: z.array(vpnCriterion),
});
export type VpnStep = z.infer<typeof vpnStep>;

/** The step that was nearest to deciding and did not: what it would have taken. */
export const vpnNearMiss = z.object({
  place: z.string(),
  failed: z.array(vpnCriterion).min(1),
  text: z.string(),
});
export type VpnNearMiss = z.infer<typeof vpnNearMiss>;

/** What every answer carries beside its decision. */
export const vpnExplanation = z.object({
  dialect: z.string(),
  /** JSON pointers into the context: inputs that are unknown and that the decision, or which rule gives it, depends on. */
  missing: z.array(z.string()),
  nearMiss: vpnNearMiss.nullable(),
  trace: z.array(vpnStep),
});
export type VpnExplanation = z.infer<typeof vpnExplanation>;
