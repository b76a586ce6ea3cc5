import { expect, test } from '@jest/globals';
import type { AppleContext } from '@quell/contracts/vpn-apple';
import fc from 'fast-check';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { evaluateCisco } from '../dialects/cisco-anyconnect/evaluate.ts';
import {
  anyAppleContext,
  anyAppleDialect,
  anyApplePayload,
  anyAppleRule,
  anyCiscoContext,
  anyCiscoProfile,
} from './requests.arbitrary.ts';

const outcome = ({ decision, ruleIndex, paramIndex, reason, nextVpn }: ReturnType<typeof evaluateApple>) => ({
  decision,
  ruleIndex,
  paramIndex,
  reason,
  nextVpn,
});

test('the first match wins: whatever stands after the rule that decided changes nothing', () => {
  fc.assert(
    fc.property(
      anyApplePayload,
      anyAppleContext,
      anyAppleDialect,
      fc.array(anyAppleRule, { maxLength: 3 }),
      (payload, context, dialect, others) => {
        const answer = evaluateApple(payload, context, dialect);
        fc.pre(answer.ruleIndex !== null);
        const rules = [...(payload.OnDemandRules ?? []).slice(0, (answer.ruleIndex ?? 0) + 1), ...others];
        expect(outcome(evaluateApple({ ...payload, OnDemandRules: rules }, context, dialect))).toEqual(outcome(answer));
      },
    ),
    { numRuns: 1000 },
  );
});

test('a rule that did not match may as well not be there', () => {
  fc.assert(
    fc.property(anyApplePayload, anyAppleContext, anyAppleDialect, (payload, context, dialect) => {
      const answer = evaluateApple(payload, context, dialect);
      fc.pre((answer.ruleIndex ?? 0) > 0);
      const rules = (payload.OnDemandRules ?? []).slice(answer.ruleIndex ?? 0);
      const alone = evaluateApple({ ...payload, OnDemandRules: rules }, context, dialect);
      expect(outcome(alone)).toEqual({ ...outcome(answer), ruleIndex: 0 });
    }),
    { numRuns: 1000 },
  );
});

test('the order of rules that nothing reaches never matters', () => {
  const shuffled = fc
    .array(anyAppleRule, { minLength: 2, maxLength: 4 })
    .chain((rules) => fc.tuple(fc.constant(rules), fc.shuffledSubarray(rules, { minLength: rules.length })));
  fc.assert(
    fc.property(
      anyApplePayload,
      anyAppleContext,
      anyAppleDialect,
      fc.constantFrom('Connect' as const, 'Disconnect' as const, 'Ignore' as const),
      shuffled,
      (payload, context, dialect, Action, [dead, reordered]) => {
        const live = [...(payload.OnDemandRules ?? []), { Action }];
        const first = evaluateApple({ ...payload, OnDemandRules: [...live, ...dead] }, context, dialect);
        const second = evaluateApple({ ...payload, OnDemandRules: [...live, ...reordered] }, context, dialect);
        expect(outcome(second)).toEqual(outcome(first));
        expect(second.nearMiss).toEqual(first.nearMiss);
      },
    ),
    { numRuns: 1000 },
  );
});

const forgettable = [
  'interface',
  'ssid',
  'searchDomains',
  'dnsServers',
  'primaryIsVirtual',
  'host',
  'dns',
  'reachable',
];

function without(context: AppleContext, keys: readonly string[]): AppleContext {
  const keep = (value: object) => Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
  return {
    ...context,
    network: keep(context.network ?? {}),
    ...(context.connection === undefined ? {} : { connection: keep(context.connection) }),
    dnsServerReachable: keys.includes('reachable') ? {} : (context.dnsServerReachable ?? {}),
  };
}

test('what is not known is never guessed: the outcome of the whole context is among the possible ones, and a gap that matters is named', () => {
  let undecided = 0;
  fc.assert(
    fc.property(
      anyApplePayload,
      anyAppleContext,
      anyAppleDialect,
      fc.subarray(forgettable, { minLength: 1 }),
      (payload, context, dialect, keys) => {
        const whole = evaluateApple(payload, context, dialect);
        const partial = evaluateApple(payload, without(context, keys), dialect);
        expect(partial.possible).toContainEqual(whole.possible[0]);
        if (partial.possible.length > 1) expect(partial.missing).not.toEqual([]);
        if (partial.decision === 'unknown') undecided += 1;
        else expect(partial.decision).toBe(whole.decision);
      },
    ),
    { numRuns: 2000 },
  );
  expect(undecided).toBeGreaterThan(100);
});

test('the same for cisco-anyconnect', () => {
  fc.assert(
    fc.property(
      anyCiscoProfile,
      anyCiscoContext,
      fc.subarray(['host', 'dns', 'iosMajor'], { minLength: 1 }),
      (profile, context, keys) => {
        const whole = evaluateCisco(profile, context);
        const { host, dns } = context;
        const partial = evaluateCisco(profile, {
          ...(keys.includes('host') || host === undefined ? {} : { host }),
          ...(keys.includes('dns') || dns === undefined ? {} : { dns }),
          ...(context.platform === undefined ? {} : { platform: keys.includes('iosMajor') ? {} : context.platform }),
        });
        expect(partial.possible).toContainEqual(whole.possible[0]);
        if (partial.possible.length > 1) expect(partial.missing).not.toEqual([]);
      },
    ),
    { numRuns: 1000 },
  );
});
