import { z } from 'zod';
import { appleContext, appleOutcome } from './vpn-apple.ts';

/** Contexts in which the two sides decide differently for the same pair of reasons, with one of them to look at. */
export const vpnDifference = z.object({
  left: appleOutcome,
  right: appleOutcome,
  /** How many classes of contexts fall into it. */
  classes: z.int().positive(),
  witness: appleContext,
});
export type VpnDifference = z.infer<typeof vpnDifference>;

/** `equal`: in every context both do the same to the tunnel. `undecided`: more classes of contexts than the limit. */
export const vpnDiffAnswer = z.discriminatedUnion('result', [
  z.object({ result: z.literal('equal'), classes: z.int() }),
  z.object({ result: z.literal('different'), classes: z.int(), differences: z.array(vpnDifference).min(1) }),
  z.object({ result: z.literal('undecided'), limit: z.int() }),
]);
export type VpnDiffAnswer = z.infer<typeof vpnDiffAnswer>;
