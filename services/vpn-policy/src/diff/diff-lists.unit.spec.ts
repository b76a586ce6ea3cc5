import { expect, test } from '@jest/globals';
import type { CiscoProfile } from '@quell/contracts/vpn-cisco';
import { ciscoDiffAnswer, globalProtectDiffAnswer } from '@quell/contracts/vpn-diff';
import fc from 'fast-check';
import { evaluateCisco } from '../dialects/cisco-anyconnect/evaluate.ts';
import { evaluateGlobalProtect } from '../dialects/globalprotect/evaluate.ts';
import {
  anyCiscoContext,
  anyCiscoProfile,
  anyGlobalProtectContext,
  anyGlobalProtectPolicy,
} from '../evaluation/requests.arbitrary.ts';
import { diffCisco } from './diff-cisco.ts';
import { diffGlobalProtect } from './diff-globalprotect.ts';

const profile = anyCiscoProfile.map((one) => ({ ...one, ConnectOnDemand: true, CertificatePolicy: 'Auto' as const }));

test('two AnyConnect profiles: every difference is real, and no random host shows one that was not found', () => {
  const pairOf = (left: CiscoProfile, right: CiscoProfile, context: Parameters<typeof evaluateCisco>[1]) =>
    [left, right].map((one) => {
      const { decision, reason } = evaluateCisco(one, context);
      return { decision, reason };
    });
  fc.assert(
    fc.property(profile, profile, fc.array(anyCiscoContext, { minLength: 10 }), (left, right, contexts) => {
      const answer = ciscoDiffAnswer.parse(diffCisco(left, right));
      const differences = answer.result === 'different' ? answer.differences : [];
      for (const one of differences) expect(pairOf(left, right, one.witness)).toEqual([one.left, one.right]);
      for (const context of contexts.filter(({ host }) => host !== '')) {
        const pair = pairOf(left, right, context);
        if ((pair[0]?.decision === 'connect') === (pair[1]?.decision === 'connect')) continue;
        expect(differences.map((one) => [one.left, one.right])).toContainEqual(pair);
      }
    }),
    { numRuns: 300 },
  );
});

test('the order of rules in a list of AnyConnect is no difference, and a rule under another one neither', () => {
  const base = { ConnectOnDemand: true, Always: ['example.com', 'example.org'] };
  expect(diffCisco(base, { ...base, Always: ['.example.org', 'www.example.com', 'example.com'] }).result).toBe('equal');
  expect(diffCisco(base, { ...base, Never: ['vpn.example.com'] })).toMatchObject({
    result: 'different',
    differences: expect.arrayContaining([
      expect.objectContaining({
        witness: expect.objectContaining({ host: expect.stringMatching(/vpn\.example\.com$/) }),
      }),
    ]),
  });
});

test('two GlobalProtect configurations: every difference is real, and no random event shows one that was not found', () => {
  fc.assert(
    fc.property(
      anyGlobalProtectPolicy,
      anyGlobalProtectPolicy,
      fc.array(anyGlobalProtectContext, { minLength: 10 }),
      (left, right, contexts) => {
        const answer = globalProtectDiffAnswer.parse(diffGlobalProtect(left, right));
        const differences = answer.result === 'different' ? answer.differences : [];
        for (const { witness, ...one } of differences) {
          expect(evaluateGlobalProtect(left, witness).possible).toEqual([one.left]);
          expect(evaluateGlobalProtect(right, witness).possible).toEqual([one.right]);
        }
        for (const context of contexts) {
          const [one, other] = [left, right].map((policy) => evaluateGlobalProtect(policy, context));
          if (one?.action === other?.action) continue;
          expect(differences.map((pair) => [pair.left.action, pair.right.action])).toContainEqual([
            one?.action,
            other?.action,
          ]);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('a disconnect option that always-on withholds is a difference to on-demand', () => {
  const policy = {
    connectMethod: 'on-demand' as const,
    override: 'disabled' as const,
    timeoutMin: 0,
    maxUserOverrides: 0,
  };
  const answer = diffGlobalProtect(policy, { ...policy, connectMethod: 'user-logon' });
  expect(answer).toMatchObject({ result: 'different' });
  expect(diffGlobalProtect(policy, { ...policy, override: 'allow' }).result).toBe('equal');
});
