import { z } from 'zod';
import { appleContext, appleOutcome } from './vpn-apple.ts';
import { ciscoContext, ciscoOutcome } from './vpn-cisco.ts';
import { globalProtectContext, globalProtectOutcome } from './vpn-globalprotect.ts';

/** Contexts in which the two sides decide differently for the same pair of reasons, with one of them to look at. */
function differenceOf<O extends z.ZodType, C extends z.ZodType>(outcome: O, context: C) {
  return z.object({
    left: outcome,
    right: outcome,
    /** How many classes of contexts fall into it. */
    classes: z.int().positive(),
    witness: context,
  });
}

/** `equal`: in every context both do the same to the tunnel. `undecided`: more classes of contexts than the limit. */
function diffAnswerOf<D extends z.ZodType>(difference: D) {
  return z.discriminatedUnion('result', [
    z.object({ result: z.literal('equal'), classes: z.int() }),
    z.object({ result: z.literal('different'), classes: z.int(), differences: z.array(difference).min(1) }),
    z.object({ result: z.literal('undecided'), limit: z.int() }),
  ]);
}

export const vpnDiffAnswer = diffAnswerOf(differenceOf(appleOutcome, appleContext));
export type VpnDiffAnswer = z.infer<typeof vpnDiffAnswer>;

export const ciscoDiffAnswer = diffAnswerOf(differenceOf(ciscoOutcome, ciscoContext));
export type CiscoDiffAnswer = z.infer<typeof ciscoDiffAnswer>;

export const globalProtectDiffAnswer = diffAnswerOf(differenceOf(globalProtectOutcome, globalProtectContext));
export type GlobalProtectDiffAnswer = z.infer<typeof globalProtectDiffAnswer>;

/** Answer of `POST /v1/vpn/diff`, by the vendor of both sides. */
export const vpnAnyDiffAnswer = z.union([vpnDiffAnswer, ciscoDiffAnswer, globalProtectDiffAnswer]);
export type VpnAnyDiffAnswer = z.infer<typeof vpnAnyDiffAnswer>;
