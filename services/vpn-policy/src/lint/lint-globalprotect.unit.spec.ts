import { expect, test } from '@jest/globals';
import { globalProtectPolicy } from '@quell/contracts/vpn-globalprotect';
import {
  type GlobalProtectLintRule,
  globalProtectLintAnswer,
  globalProtectLintRule,
} from '@quell/contracts/vpn-lint-globalprotect';
import fc from 'fast-check';
import { evaluateGlobalProtect } from '../dialects/globalprotect/evaluate.ts';
import { diffGlobalProtect } from '../diff/diff-globalprotect.ts';
import { anyGlobalProtectPolicy, anyGlobalProtectReadings } from '../evaluation/requests.arbitrary.ts';
import { lintGlobalProtect } from './lint-globalprotect.ts';

const limits = { timeoutMin: 30, maxUserOverrides: 2 };

/** A configuration, and where which finding stands in it, with what the evaluator says. */
const examples: readonly (readonly [GlobalProtectLintRule, string, unknown, object | null])[] = [
  [
    'METHOD_NOT_ON_PLATFORM',
    '/connectMethod',
    { connectMethod: 'user-logon', ...limits },
    { action: 'none', reason: 'PLATFORM_ON_DEMAND_ONLY' },
  ],
  ['WRONG_DIALECT', '', { IfNeeded: ['example.com'] }, null],
  ['MACHINE_CERTIFICATE_NEEDED', '/connectMethod', { connectMethod: 'pre-logon', ...limits }, { action: 'deny' }],
  [
    'OVERRIDE_WITHOUT_EFFECT',
    '/override',
    { connectMethod: 'on-demand', override: 'disabled' },
    { action: 'disconnect' },
  ],
  [
    'OVERRIDE_WITHOUT_EFFECT',
    '/timeoutMin',
    { connectMethod: 'user-logon', override: 'disabled', timeoutMin: 5 },
    { action: 'deny' },
  ],
  [
    'TICKET_NOT_ON_ANDROID',
    '/override',
    { connectMethod: 'user-logon', override: 'with-ticket', ...limits },
    { action: 'invalid' },
  ],
  ['NEVER_RECONNECTS', '/timeoutMin', { connectMethod: 'user-logon', override: 'allow' }, { reconnectAfterMin: null }],
  ['NO_OVERRIDE_LIMIT', '/maxUserOverrides', { connectMethod: 'user-logon', timeoutMin: 5 }, { action: 'challenge' }],
  ['SAML_ON_IOS_ON_DEMAND_ONLY', '/connectMethod', { connectMethod: 'user-logon', ...limits }, { action: 'invalid' }],
  ['MISSING_REQUIRED_KEY', '/connectMethod', {}, null],
  ['UNKNOWN_ENUM', '/override', { connectMethod: 'on-demand', override: 'sometimes' }, null],
  ['WRONG_TYPE', '/timeoutMin', { connectMethod: 'on-demand', timeoutMin: 'soon' }, null],
  ['UNKNOWN_KEY', '/overide', { connectMethod: 'user-logon', overide: 'disabled', ...limits }, null],
];
test.each(examples)('%s stands at %s, and its witness shows it', (rule, place, policy, answer) => {
  const { findings } = globalProtectLintAnswer.parse(lintGlobalProtect(policy));
  const [first, ...others] = findings.filter((finding) => finding.rule === rule);
  expect(new Set([first, ...others].map((finding) => finding?.place))).toEqual(new Set([place]));
  if (answer === null) expect(first?.witness).toBeNull();
  else expect(first?.witness?.answer).toMatchObject(answer);
});

test('every rule of the catalogue has an example', () => {
  expect(new Set(examples.map(([rule]) => rule))).toEqual(new Set(globalProtectLintRule.options));
});

test('a key that nobody looks at is an error beside all others, with the key that was probably meant', () => {
  const { findings } = lintGlobalProtect({ connectMethod: 'user-login', overide: 'disabled', 'a/b': 1 });
  expect(findings).toMatchObject([
    { rule: 'UNKNOWN_KEY', severity: 'error', place: '/overide', fix: { text: 'did you mean override?' } },
    { rule: 'UNKNOWN_KEY', severity: 'error', place: '/a~1b', fix: { text: 'remove a/b' } },
    { rule: 'UNKNOWN_ENUM', place: '/connectMethod' },
  ]);
  const about = lintGlobalProtect({ connectMethod: 'user-logon', overide: 'disabled' }).findings;
  expect(about.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['UNKNOWN_KEY', 'NEVER_RECONNECTS']));
});

test('on demand with nothing else has no finding', () => {
  expect(lintGlobalProtect({ connectMethod: 'on-demand' }).findings).toEqual([]);
});

test('a witness is what the evaluator says, and a setting without effect can go', () => {
  fc.assert(
    fc.property(anyGlobalProtectPolicy, fc.oneof(fc.constant({}), anyGlobalProtectReadings), (policy, switched) => {
      for (const { witness, rule, place } of lintGlobalProtect(policy, switched).findings) {
        const { possible } = evaluateGlobalProtect(policy, witness?.context ?? ({} as never), switched);
        expect(possible).toEqual([witness?.answer]);
        if (rule !== 'OVERRIDE_WITHOUT_EFFECT') continue;
        const { [place.slice(1) as 'override']: _, ...rest } = policy;
        const without = globalProtectPolicy.parse(rest);
        expect(diffGlobalProtect(policy, without, { left: switched, right: switched }).result).toBe('equal');
      }
    }),
    { numRuns: 300 },
  );
});
