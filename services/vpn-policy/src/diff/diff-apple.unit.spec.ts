import { expect, test } from '@jest/globals';
import type { AppleContext, AppleOutcome } from '@quell/contracts/vpn-apple';
import { vpnDiffAnswer } from '@quell/contracts/vpn-diff';
import fc from 'fast-check';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { canonicalAddress } from '../dialects/apple/match-address.ts';
import { anyAppleContext, anyAppleDialect, anyApplePayload } from '../evaluation/requests.arbitrary.ts';
import { type DiffSide, diffApple } from './diff-apple.ts';

const outcome = (side: DiffSide, context: AppleContext): AppleOutcome => {
  const { decision, ruleIndex, paramIndex, reason } = evaluateApple(side.payload, context, side.dialect);
  return { decision, ruleIndex, paramIndex, reason };
};
const effect = ({ decision }: AppleOutcome) =>
  ['ignore', 'no-trigger', 'disabled', 'not-evaluated'].includes(decision) ? 'leaves' : decision;

/** Contexts as a network has them: no empty names, and a connection being made. */
const lively = anyAppleContext
  .filter((context) => context.connection !== undefined && context.connection.host !== '')
  .map((context) => ({
    ...context,
    userPaused: false,
    network: {
      ...context.network,
      ssid: context.network?.ssid || null,
      dnsServers: (context.network?.dnsServers ?? []).map(canonicalAddress),
      searchDomains: (context.network?.searchDomains ?? []).filter((name) => name !== ''),
    },
  }));

test('every difference has a witness, and no random context differs in a way that diff did not find', () => {
  const seen = { equal: 0, different: 0, undecided: 0 };
  fc.assert(
    fc.property(
      anyApplePayload,
      anyApplePayload,
      anyAppleDialect,
      anyAppleDialect,
      fc.boolean(),
      fc.array(lively, { minLength: 20, maxLength: 20 }),
      (one, other, first, second, samePolicy, contexts) => {
        const left = { payload: { ...one, OnDemandEnabled: 1 }, dialect: first };
        const right = { payload: samePolicy ? left.payload : { ...other, OnDemandEnabled: 1 }, dialect: second };
        const answer = vpnDiffAnswer.parse(diffApple(left, right));
        seen[answer.result] += 1;
        if (answer.result === 'undecided') return;
        const differences = answer.result === 'different' ? answer.differences : [];
        for (const difference of differences) {
          expect(outcome(left, difference.witness)).toEqual(difference.left);
          expect(outcome(right, difference.witness)).toEqual(difference.right);
          expect(effect(difference.left)).not.toBe(effect(difference.right));
        }
        const pairs = differences.map(({ left: a, right: b }) => [a, b]);
        for (const context of contexts) {
          const pair = [outcome(left, context), outcome(right, context)] as const;
          if (effect(pair[0]) !== effect(pair[1])) expect(pairs).toContainEqual(pair);
        }
      },
    ),
    { endOnFailure: true, numRuns: Number(process.env.QUELL_VPN_DIFFS ?? 15) },
  );
  expect(Math.min(seen.equal, seen.different)).toBeGreaterThan(0);
});

test('a policy is equal to itself, also written otherwise', () => {
  const payload = (OnDemandRules: object[]) => ({ OnDemandEnabled: 1, OnDemandRules }) as DiffSide['payload'];
  const left = payload([
    { Action: 'Disconnect', SSIDMatch: ['Home', 'Office'] },
    { Action: 'Connect', InterfaceTypeMatch: 'Cellular' },
    { Action: 'Ignore' },
  ]);
  const right = payload([
    { Action: 'Connect', InterfaceTypeMatch: 'Cellular', SSIDMatch: ['Home'] },
    { Action: 'Disconnect', InterfaceTypeMatch: 'WiFi', SSIDMatch: ['Office', 'Home', 'Home'] },
    { Action: 'Connect', InterfaceTypeMatch: 'Cellular' },
    { Action: 'EvaluateConnection', ActionParameters: [] },
    { Action: 'Connect' },
  ]);
  expect(diffApple({ payload: left, dialect: 'apple-mdm' }, { payload: right, dialect: 'apple-mdm' }).result).toBe(
    'equal',
  );
});

test('the three readings of one policy are told apart by the context that the documents disagree on', () => {
  const payload: DiffSide['payload'] = {
    OnDemandEnabled: 1,
    OnDemandRules: [{ Action: 'Disconnect', DNSServerAddressMatch: ['10.0.0.53'] }, { Action: 'Connect' }],
  };
  const answer = diffApple({ payload, dialect: 'apple-mdm' }, { payload, dialect: 'apple-ne' });
  expect(answer).toMatchObject({
    result: 'different',
    differences: [
      {
        left: { decision: 'disconnect', ruleIndex: 0 },
        right: { decision: 'connect', ruleIndex: 1 },
        witness: { network: { dnsServers: expect.arrayContaining(['10.0.0.53']) } },
      },
    ],
  });
});

test('more classes than the limit are undecided, never guessed', () => {
  const payload: DiffSide['payload'] = {
    OnDemandEnabled: 1,
    OnDemandRules: Array.from({ length: 17 }, (_, index) => ({
      Action: 'Connect' as const,
      URLStringProbe: `https://probe${index}.example.com/`,
    })),
  };
  const side: DiffSide = { payload, dialect: 'apple-mdm' };
  expect(diffApple(side, side)).toEqual({ result: 'undecided', limit: 2 ** 16 });
});
