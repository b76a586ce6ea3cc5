import { expect, test } from '@jest/globals';
import type { AppleContext, AppleRule } from '@quell/contracts/vpn-apple';
import fc from 'fast-check';
import {
  anyAppleContext,
  anyAppleDialect,
  anyApplePayload,
  anyAppleReadings,
  anyAppleRule,
} from '../../../evaluation/requests.arbitrary.ts';
import { evaluateApple } from '../evaluate.ts';
import { briefOf, compileApple } from './compile.ts';

/** A context with some of its inputs taken away. */
const withHoles = fc
  .tuple(
    anyAppleContext,
    fc.subarray(['interface', 'ssid', 'searchDomains', 'dnsServers', 'primaryIsVirtual', 'host', 'dns', 'probes']),
  )
  .map(([context, holes]): AppleContext => {
    const copy = structuredClone(context) as Record<string, Record<string, unknown> | undefined>;
    for (const hole of holes) {
      if (hole === 'probes') delete copy.probes;
      else {
        delete copy.network?.[hole];
        delete copy.connection?.[hole];
      }
    }
    return copy as AppleContext;
  });

test('a prepared policy decides every context as the explaining evaluator does', () => {
  fc.assert(
    fc.property(
      anyApplePayload,
      fc.array(fc.oneof(anyAppleContext, withHoles), { minLength: 1, maxLength: 8 }),
      anyAppleDialect,
      fc.oneof(fc.constant({}), anyAppleReadings),
      (payload, contexts, dialect, switched) => {
        const decide = compileApple(payload, dialect, switched);
        for (const context of contexts) {
          expect(decide(context)).toEqual(briefOf(evaluateApple(payload, context, dialect, switched)));
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test('a prepared policy has no memory of the contexts before', () => {
  fc.assert(
    fc.property(anyApplePayload, fc.array(anyAppleContext, { minLength: 2, maxLength: 6 }), (payload, contexts) => {
      const decide = compileApple(payload);
      const forward = contexts.map((context) => decide(context));
      expect([...contexts].reverse().map((context) => decide(context))).toEqual(forward.reverse());
    }),
  );
});

test('a single point of the reading can be switched for a prepared policy too', () => {
  fc.assert(
    fc.property(anyApplePayload, anyAppleContext, (payload, context) => {
      const switched = { bareStar: 'all', searchDomain: 'raw-suffix', dnsServers: 'each' } as const;
      expect(compileApple(payload, 'apple-mdm', switched)(context)).toEqual(
        briefOf(evaluateApple(payload, context, 'apple-mdm', switched)),
      );
    }),
    { numRuns: 1000 },
  );
});

test('a prepared policy may have more rules than a machine word has bits', () => {
  fc.assert(
    fc.property(
      // Rules that hold nowhere in front, so that the first that holds lies far behind.
      fc.integer({ min: 20, max: 70 }),
      fc.array(anyAppleRule, { minLength: 1, maxLength: 40 }),
      anyAppleContext,
      anyAppleDialect,
      (passed, rules, context, dialect) => {
        const never: AppleRule = { Action: 'Connect', SSIDMatch: [] };
        const payload = { OnDemandEnabled: 1, OnDemandRules: [...Array<AppleRule>(passed).fill(never), ...rules] };
        expect(compileApple(payload, dialect)(context)).toEqual(briefOf(evaluateApple(payload, context, dialect)));
      },
    ),
    { numRuns: 500 },
  );
});
