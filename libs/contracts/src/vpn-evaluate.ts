import { z } from 'zod';
import { booleanParameter } from './paging.ts';
import { problem } from './problem.ts';
import { appleAnswer, appleEvaluateRequest } from './vpn-apple.ts';
import { ciscoAnswer, ciscoEvaluateRequest } from './vpn-cisco.ts';
import { globalProtectAnswer, globalProtectEvaluateRequest } from './vpn-globalprotect.ts';

/** Body of `POST /v1/vpn/evaluate`; without `dialect` it is apple-mdm. */
export const vpnEvaluateRequest = z.preprocess(
  (body) =>
    typeof body === 'object' && body !== null && !('dialect' in body) ? { dialect: 'apple-mdm', ...body } : body,
  z.discriminatedUnion('dialect', [
    appleEvaluateRequest.extend({ dialect: appleEvaluateRequest.shape.dialect.removeDefault() }),
    ciscoEvaluateRequest,
    globalProtectEvaluateRequest,
  ]),
);
export type VpnEvaluateRequest = z.infer<typeof vpnEvaluateRequest>;

/** Query of the calls that decide. */
export const vpnEvaluateQuery = z.object({
  trace: booleanParameter.default(true).describe('`false` leaves `trace` empty: a shorter answer.'),
});

export const vpnEvaluateAnswer = z.union([appleAnswer, ciscoAnswer, globalProtectAnswer]);
export type VpnEvaluateAnswer = z.infer<typeof vpnEvaluateAnswer>;

/** One line of the answer of `POST /v1/vpn/evaluate/bulk`: what came of the line of that number. */
export const vpnBulkLine = z.object({
  line: z.int().min(1).describe('From 1, blank lines included, as an editor counts.'),
  answer: vpnEvaluateAnswer.optional(),
  problem: problem.optional(),
});
