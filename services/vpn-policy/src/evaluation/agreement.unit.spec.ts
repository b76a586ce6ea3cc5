import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { evaluateCisco } from '../dialects/cisco-anyconnect/evaluate.ts';
import { evaluateGlobalProtect } from '../dialects/globalprotect/evaluate.ts';
import { loopApple, loopCisco, loopGlobalProtect } from './naive-loop.fixture.ts';
import { naivePoints } from './naive-points.fixture.ts';
import { tableApple, tableCisco, tableGlobalProtect } from './naive-table.fixture.ts';
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
} from './requests.arbitrary.ts';

/** `QUELL_VPN_CONTEXTS=100000` runs as many contexts per dialect as the specification asks for; a unit run takes fewer. */
const numRuns = Number(process.env.QUELL_VPN_CONTEXTS ?? 3000);

/** As `toEqual`, which takes longer than the evaluations. */
function same(answer: readonly unknown[], other: readonly unknown[]): void {
  if (answer.length !== other.length || answer.some((one, at) => one !== other[at])) expect(answer).toEqual(other);
}

/** Half of the policies are read as their dialect does, half with single points switched. */
const asIsOr = <T>(readings: fc.Arbitrary<Partial<T>>) => fc.oneof(fc.constant<Partial<T>>({}), readings);

test('two unlike naive readings agree with the evaluator of apple on random policies and contexts', () => {
  fc.assert(
    fc.property(
      anyApplePayload,
      anyAppleContext,
      anyAppleDialect,
      asIsOr(anyAppleReadings),
      (payload, context, dialect, switched) => {
        const { decision, ruleIndex, paramIndex, reason } = evaluateApple(payload, context, dialect, switched);
        const answer = [decision, ruleIndex, paramIndex, reason];
        const points = naivePoints(dialect, switched);
        same(answer, loopApple(payload, context, points));
        same(answer, tableApple(payload, context, points));
      },
    ),
    { numRuns },
  );
});

test('the random policies and contexts are not trivial: they bring up every reason but unknown inputs and AlwaysOn', () => {
  // A fixed seed: which rare reasons a few thousand fresh contexts reach is a matter of luck.
  const drawn = { seed: 6, numRuns: 6000 };
  const apple = new Set<string>();
  fc.assert(
    fc.property(anyApplePayload, anyAppleContext, anyAppleDialect, (payload, context, dialect) => {
      apple.add(evaluateApple(payload, context, dialect).reason);
    }),
    drawn,
  );
  expect(apple.size).toBe(20);
  const cisco = new Set<string>();
  fc.assert(
    fc.property(anyCiscoProfile, anyCiscoContext, (profile, context) => {
      cisco.add(evaluateCisco(profile, context).reason);
    }),
    drawn,
  );
  expect(cisco.size).toBe(8);
});

test('two unlike naive readings agree with the evaluator of cisco-anyconnect', () => {
  fc.assert(
    fc.property(anyCiscoProfile, anyCiscoContext, asIsOr(anyCiscoReadings), (profile, context, switched) => {
      const { decision, reason } = evaluateCisco(profile, context, switched);
      same([decision, reason], loopCisco(profile, context, switched));
      same([decision, reason], tableCisco(profile, context, switched));
    }),
    { numRuns },
  );
});

test('two unlike naive readings agree with the evaluator of globalprotect', () => {
  fc.assert(
    fc.property(
      anyGlobalProtectPolicy,
      anyGlobalProtectContext,
      asIsOr(anyGlobalProtectReadings),
      (policy, context, switched) => {
        const { effectiveMethod, action, reason } = evaluateGlobalProtect(policy, context, switched);
        same([effectiveMethod, action, reason], loopGlobalProtect(policy, context, switched));
        const [method, does, why] = tableGlobalProtect(policy, context, switched);
        same([effectiveMethod, action, reason], [method, does, why]);
      },
    ),
    { numRuns },
  );
});
