import { type VpnEvaluateRequest, vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { vpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import fc from 'fast-check';
import { decideByContent } from '../evaluation/decide-by-content.ts';
import { evaluate } from '../evaluation/evaluate.ts';
import {
  anyAppleContext,
  anyAppleDialect,
  anyApplePayload,
  anyAppleReadings,
  anyCiscoContext,
  anyCiscoProfile,
  anyCiscoReadings,
  anyGlobalProtectContext,
  anyGlobalProtectPolicy,
  anyGlobalProtectReadings,
} from '../evaluation/requests.arbitrary.ts';
import { keptStateless, policyIn } from './kept-decision.ts';

const anyRequest: fc.Arbitrary<VpnEvaluateRequest> = fc
  .oneof(
    fc.record({
      dialect: anyAppleDialect,
      payload: anyApplePayload,
      context: anyAppleContext,
      readings: anyAppleReadings,
    }),
    fc.record({
      dialect: fc.constant('cisco-anyconnect' as const),
      profile: anyCiscoProfile,
      context: anyCiscoContext,
      readings: anyCiscoReadings,
    }),
    fc
      .tuple(anyGlobalProtectPolicy, anyGlobalProtectContext, anyGlobalProtectReadings)
      .map(([policy, context, readings]) => ({ dialect: 'globalprotect', ...policy, ...context, readings })),
  )
  .map((request) => vpnEvaluateRequest.parse(request));

test('law: a decision by a policy that was sent along is made again, from what JSON keeps of it, as it was answered', () => {
  fc.assert(
    fc.property(anyRequest, (request) => {
      const answer = evaluate(request);
      const decided = { id: '0191d2a0-0000-7000-8000-000000000000', decidedAt: '2026-01-01T00:00:00.000Z' };
      const { inputs } = JSON.parse(JSON.stringify(keptStateless(decided, request, policyIn(request), answer)));
      expect(decideByContent({ body: vpnPolicyBody.parse(inputs.body) }, inputs.context)).toEqual(answer);
    }),
    { numRuns: 1000 },
  );
});
