import { expect, test } from '@jest/globals';
import type { AppleContext } from '@quell/contracts/vpn-apple';
import fc from 'fast-check';
import { anyAppleContext, anyAppleDialect, anyAppleRule } from '../../../evaluation/requests.arbitrary.ts';
import { evaluateApple } from '../evaluate.ts';
import { canonicalAddress } from '../match-address.ts';
import { appleReadings } from '../readings.ts';
import { networkClasses } from './network-classes.ts';

const policy = fc.array(anyAppleRule, { minLength: 1, maxLength: 4 });

test('what a class is said to hold is what the evaluator finds in the context that stands for it', () => {
  let classes = 0;
  fc.assert(
    fc.property(policy, anyAppleDialect, (rules, dialect) => {
      const readings = appleReadings(dialect);
      for (const { context, holds } of networkClasses(
        rules.map((rule) => ({ rule, readings })),
        undefined,
        500,
      ) ?? []) {
        const { ruleIndex } = evaluateApple({ OnDemandEnabled: 1, OnDemandRules: rules }, context, dialect);
        expect(ruleIndex ?? -1).toBe(holds.indexOf(true));
        classes += 1;
      }
    }),
    { numRuns: 100 },
  );
  expect(classes).toBeGreaterThan(1000);
});

test('every network that is not named by chance falls into a class: what holds there holds in one of them', () => {
  fc.assert(
    fc.property(
      policy,
      anyAppleDialect,
      fc.array(anyAppleContext, { minLength: 20, maxLength: 20 }),
      (rules, dialect, contexts) => {
        const readings = appleReadings(dialect);
        const classes = networkClasses(
          rules.map((rule) => ({ rule, readings })),
          undefined,
          2000,
        );
        fc.pre(classes !== null);
        const known = new Set([...(classes ?? [])].map(({ holds }) => holds.join()));
        for (const context of contexts) {
          const { network = {} } = context;
          const real: AppleContext = {
            ...context,
            userPaused: false,
            network: {
              ...network,
              interface: network.interface ?? 'Other',
              ssid: network.ssid || null,
              primaryIsVirtual: false,
              dnsServers: (network.dnsServers ?? []).map(canonicalAddress),
              searchDomains: (network.searchDomains ?? []).filter((name) => name !== ''),
            },
            probes: Object.fromEntries(
              Object.entries(context.probes ?? {}).map(([url, answer]) => [
                url,
                'status' in answer ? answer : { error: 'timeout' },
              ]),
            ),
          };
          const held = rules.map(
            (rule) =>
              evaluateApple({ OnDemandEnabled: 1, OnDemandRules: [{ ...rule, Action: 'Ignore' }] }, real, dialect)
                .ruleIndex === 0,
          );
          expect(known).toContain(held.join());
        }
      },
    ),
    { numRuns: 100 },
  );
});
