import { z } from 'zod';
import { appleDictionary } from './vpn-apple.ts';
import { vpnDiffAnswer } from './vpn-diff.ts';

/** A policy rewritten between the lists from before iOS 7 and rules. */
export const convertedLists = z.discriminatedUnion('result', [
  z.object({
    result: z.literal('converted'),
    payload: appleDictionary,
    /** Exact: `equal`, or each way in which the two differ, with a context. */
    differences: vpnDiffAnswer,
  }),
  z.object({
    result: z.literal('refused'),
    /** JSON pointer to what the other form cannot hold. */
    place: z.string(),
    text: z.string(),
  }),
]);
export type ConvertedLists = z.infer<typeof convertedLists>;
