import { expect, test } from '@jest/globals';
import type { AppleDictionary } from '@quell/contracts/vpn-apple';
import { type ConvertedLists, convertedLists } from '@quell/contracts/vpn-convert';
import fc from 'fast-check';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { anyAppleContext, anyAppleDialect, anyApplePayload } from '../evaluation/requests.arbitrary.ts';
import { rulesToLists } from './to-lists.ts';
import { listsToRules } from './to-rules.ts';

const converted = (answer: ConvertedLists) => {
  if (convertedLists.parse(answer).result === 'refused') throw new Error(JSON.stringify(answer));
  return answer as Extract<ConvertedLists, { result: 'converted' }>;
};
/** What a decision does to the tunnel. */
const effect = (decision: string) =>
  ['ignore', 'no-trigger', 'disabled', 'not-evaluated'].includes(decision) ? 'leaves' : decision;
/** A connection is being made, and every probe was answered. */
const connecting = anyAppleContext.filter(({ connection }) => connection !== undefined);
/** Few rules, so that there are few classes. */
const anyPayload = anyApplePayload.map(
  (payload): AppleDictionary => ({
    ...payload,
    ...(payload.OnDemandRules === undefined ? {} : { OnDemandRules: payload.OnDemandRules.slice(0, 2) }),
  }),
);

test('never comes first, and what was in two lists is in one entry once', () => {
  const { payload, differences } = converted(
    listsToRules({
      OnDemandEnabled: 1,
      OnDemandMatchDomainsAlways: ['a.example', 'b.example'],
      OnDemandMatchDomainsOnRetry: ['b.example', 'c.example'],
      OnDemandMatchDomainsNever: ['www.a.example'],
    }),
  );
  expect(payload).toEqual({
    OnDemandEnabled: 1,
    OnDemandRules: [
      {
        Action: 'EvaluateConnection',
        ActionParameters: [
          { Domains: ['www.a.example'], DomainAction: 'NeverConnect' },
          { Domains: ['a.example', 'b.example', 'c.example'], DomainAction: 'ConnectIfNeeded' },
        ],
      },
    ],
  });
  const reasons =
    differences.result === 'different'
      ? differences.differences.map(({ left, right }) => [left.reason, right.reason])
      : [];
  expect(reasons).toEqual([['LEGACY_DNS_RESOLVED', 'PARAM_DNS_REDIRECTED']]);
});

test('under apple-mdm and apple-ne lists and rules do the same for every name that is not redirected', () => {
  fc.assert(
    fc.property(anyPayload, connecting, fc.constantFrom('apple-mdm', 'apple-ne'), (payload, context, dialect) => {
      fc.pre(context.connection?.dns !== 'redirected');
      const { payload: rules } = converted(listsToRules(payload, dialect));
      expect(Object.keys(rules).filter((key) => key.startsWith('OnDemandMatch'))).toEqual([]);
      const [before, after] = [payload, rules].map((one) => effect(evaluateApple(one, context, dialect).decision));
      expect(after).toBe(before);
    }),
    { numRuns: 120 },
  );
});

test('under every reading what lists and rules do differently is among the differences', () => {
  fc.assert(
    fc.property(
      anyPayload,
      fc.array(connecting, { minLength: 20, maxLength: 20 }),
      anyAppleDialect,
      (payload, contexts, dialect) => {
        const { payload: rules, differences } = converted(listsToRules(payload, dialect));
        if (differences.result === 'undecided') return;
        const named = differences.result === 'different' ? differences.differences : [];
        for (const context of contexts) {
          // The two leave the user's pause out.
          const { userPaused: _, ...rest } = context;
          const [left, right] = [payload, rules].map((one) => evaluateApple(one, rest, dialect));
          if (left === undefined || right === undefined || effect(left.decision) === effect(right.decision)) continue;
          expect(named.map((one) => [one.left.reason, one.right.reason])).toContainEqual([left.reason, right.reason]);
        }
      },
    ),
    { numRuns: 80 },
  );
});

test('lists to rules and back are the lists, where there were no rules', () => {
  const list = fc.uniqueArray(fc.constantFrom('a.example', 'b.example', 'www.a.example', 'c.test'), { minLength: 1 });
  fc.assert(
    fc.property(list, list, (OnDemandMatchDomainsNever, OnDemandMatchDomainsOnRetry) => {
      const payload = { OnDemandEnabled: 1, OnDemandMatchDomainsNever, OnDemandMatchDomainsOnRetry };
      expect(converted(rulesToLists(converted(listsToRules(payload)).payload)).payload).toEqual(payload);
    }),
    { numRuns: 50 },
  );
});

test('entries in an order that lists do not know differ, and it is said where', () => {
  const { differences } = converted(
    rulesToLists({
      OnDemandEnabled: 1,
      OnDemandRules: [
        {
          Action: 'EvaluateConnection',
          ActionParameters: [
            { Domains: ['www.a.example'], DomainAction: 'ConnectIfNeeded' },
            { Domains: ['a.example'], DomainAction: 'NeverConnect' },
          ],
        },
      ],
    }),
  );
  expect(differences).toMatchObject({
    result: 'different',
    differences: expect.arrayContaining([
      expect.objectContaining({
        left: expect.objectContaining({ reason: 'PARAM_DNS_FAILED' }),
        right: expect.objectContaining({ reason: 'LEGACY_NEVER' }),
      }),
    ]),
  });
});

test('what lists cannot hold is refused with its place', () => {
  const entry = { Domains: ['a.example'], DomainAction: 'ConnectIfNeeded' as const };
  const evaluating = { Action: 'EvaluateConnection' as const, ActionParameters: [entry] };
  const policies: [string, AppleDictionary][] = [
    ['/OnDemandRules', {}],
    ['/OnDemandRules/0/Action', { OnDemandRules: [{ Action: 'Connect' }] }],
    ['/OnDemandRules/0/SSIDMatch', { OnDemandRules: [{ ...evaluating, SSIDMatch: ['Home'] }] }],
    ['/OnDemandRules/1', { OnDemandRules: [evaluating, { Action: 'Ignore' }] }],
    [
      '/OnDemandRules/0/ActionParameters/0/RequiredDNSServers',
      { OnDemandRules: [{ ...evaluating, ActionParameters: [{ ...entry, RequiredDNSServers: ['10.0.0.53'] }] }] },
    ],
    ['/OnDemandMatchDomainsNever', { OnDemandRules: [evaluating], OnDemandMatchDomainsNever: ['b.example'] }],
  ];
  for (const [place, payload] of policies) {
    expect(rulesToLists(payload)).toMatchObject({ result: 'refused', place });
  }
});
