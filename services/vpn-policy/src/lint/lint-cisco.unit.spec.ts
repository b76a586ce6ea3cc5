import { expect, test } from '@jest/globals';
import type { CiscoProfile, CiscoReadings } from '@quell/contracts/vpn-cisco';
import type { VpnPatch } from '@quell/contracts/vpn-lint';
import { type CiscoFinding, type CiscoLintRule, ciscoLintAnswer, ciscoLintRule } from '@quell/contracts/vpn-lint-cisco';
import fc from 'fast-check';
import { evaluateCisco } from '../dialects/cisco-anyconnect/evaluate.ts';
import { matchesRule } from '../dialects/cisco-anyconnect/match.ts';
import { ciscoReadingsWith } from '../dialects/cisco-anyconnect/readings.ts';
import { diffCisco } from '../diff/diff-cisco.ts';
import { anyCiscoProfile, anyCiscoReadings } from '../evaluation/requests.arbitrary.ts';
import { lintCisco } from './lint-cisco.ts';

const on = (more: CiscoProfile) => ({ ConnectOnDemand: true, ...more });

/** A profile, and where which finding stands in it. */
const examples: readonly (readonly [CiscoLintRule, string, unknown])[] = [
  ['RULES_PRESENT_BUT_DISABLED', '/ConnectOnDemand', { IfNeeded: ['example.com'] }],
  ['RULES_PRESENT_BUT_DISABLED', '/CertificatePolicy', on({ CertificatePolicy: 'None', IfNeeded: ['example.com'] })],
  ['NO_RULES', '', on({ Never: ['example.com'] })],
  ['IP_NOT_ALLOWED_IN_RULE', '/IfNeeded/1', on({ IfNeeded: ['example.com', '10.0.0.1'] })],
  ['EMPTY_STRING_VALUE', '/Always/0', on({ Always: ['', 'example.com'] })],
  ['EMPTY_STRING_VALUE', '/Always/0', on({ Always: ['.', 'example.com'] })],
  ['WILDCARD_NOT_SUPPORTED', '/IfNeeded/0', on({ IfNeeded: ['*.example.com'] })],
  ['SHADOWED_BY_NEVER', '/IfNeeded/0', on({ Never: ['.example.com'], IfNeeded: ['eng.example.com'] })],
  ['SHADOWED_BY_NEVER', '/Always/0', on({ Never: ['example.com'], Always: ['Example.com'] })],
  ['DUPLICATE_ENTRY', '/IfNeeded/1', on({ IfNeeded: ['example.com', '.EXAMPLE.com'] })],
  ['DUPLICATE_ENTRY', '/IfNeeded/0', on({ Always: ['example.com'], IfNeeded: ['example.com'] })],
  ['COVERED_ENTRY', '/IfNeeded/0', on({ IfNeeded: ['eng.example.com', 'example.com'] })],
  ['COVERED_ENTRY', '/IfNeeded/0', on({ Always: ['example.com'], IfNeeded: ['eng.example.com'] })],
  ['ALWAYS_BEHAVES_AS_IF_NEEDED', '/Always', on({ Always: ['example.com'] })],
  ['UNKNOWN_ENUM', '/CertificatePolicy', on({ CertificatePolicy: 'Sometimes' as 'Auto' })],
  ['UNKNOWN_KEY', '/Nevr', on({ IfNeeded: ['example.com'], ...{ Nevr: ['a.example.com'] } })],
  ['WRONG_DIALECT', '', { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] }],
  ['WRONG_DIALECT', '', { a: 1 }],
  ['WRONG_TYPE', '/IfNeeded', { IfNeeded: 'example.com' }],
];
test.each(examples)('%s stands at %s', (rule, place, profile) => {
  const { findings } = ciscoLintAnswer.parse(lintCisco(profile));
  expect(findings.filter((finding) => finding.rule === rule).map((finding) => finding.place)).toEqual([place]);
});

test('every rule of the catalogue has an example', () => {
  expect(new Set(examples.map(([rule]) => rule))).toEqual(new Set(ciscoLintRule.options));
});

test('what is not worth a finding has none', () => {
  const profiles: CiscoProfile[] = [
    {},
    on({ CertificatePolicy: 'Manual', IfNeeded: ['.example.com'], Never: ['www.example.com'] }),
    on({ IfNeeded: ['example.com', 'my-example.com'] }),
    on({ IfNeeded: ['eng.example.com'], Never: ['www.eng.example.com'], serverAddress: 'vpn.eng.example.com' }),
  ];
  for (const profile of profiles) expect(lintCisco(profile).findings).toEqual([]);
});

test('an entry is dead that the server takes, which stands in Never as a rule does', () => {
  const profile = on({ IfNeeded: ['eng.example.com', '.example.com'], serverAddress: 'https://eng.example.com/group' });
  const dead = { rule: 'SHADOWED_BY_NEVER', place: '/IfNeeded/0', why: expect.stringContaining('/serverAddress') };
  expect(lintCisco(profile).findings).toContainEqual(expect.objectContaining(dead));
  const { findings } = lintCisco(profile, { serverAddressInNever: false });
  expect(findings.map(({ rule }) => rule)).toEqual(['COVERED_ENTRY']);
});

test('a list of thousands of names is looked at in part, and the rest is called undecided', () => {
  const { findings, undecided } = lintCisco(
    on({ IfNeeded: Array.from({ length: 3_000 }, (_, index) => `h${index}.example.com`) }),
  );
  expect({ findings, undecided }).toEqual({
    findings: [],
    undecided: [expect.objectContaining({ rule: 'COVERED_ENTRY' })],
  });
});

const patched = (profile: CiscoProfile, patches: readonly VpnPatch[]) => {
  const changed = structuredClone(profile) as Record<string, unknown>;
  for (const { op, path, value } of patches) {
    const [, key = '', index] = path.split('/');
    if (index === undefined) changed[key] = value;
    else if (op === 'remove') (changed[key] as string[]).splice(Number(index), 1);
    else (changed[key] as string[])[Number(index)] = String(value);
  }
  return changed as CiscoProfile;
};

/** For each rule, what its witness must show. */
const shows: Record<
  CiscoLintRule,
  (finding: CiscoFinding, profile: CiscoProfile, decision: string, readings: CiscoReadings) => boolean
> = {
  RULES_PRESENT_BUT_DISABLED: (_finding, _profile, decision) => decision === 'disabled',
  NO_RULES: (_finding, _profile, decision) => decision === 'no-trigger',
  IP_NOT_ALLOWED_IN_RULE: (_finding, _profile, decision) => decision === 'invalid',
  SHADOWED_BY_NEVER: (finding) => finding.witness?.answer.reason === 'NEVER_CONNECT',
  WILDCARD_NOT_SUPPORTED: ({ place, witness }, profile, _decision, readings) => {
    const [, list, index] = place.split('/') as ['', 'Always', string];
    return !matchesRule(profile[list]?.[Number(index)] ?? '', witness?.context.host ?? '', readings);
  },
  ALWAYS_BEHAVES_AS_IF_NEEDED: ({ witness }, _profile, decision) =>
    decision === 'no-trigger' && witness?.context.dns === 'resolved',
  DUPLICATE_ENTRY: () => true,
  COVERED_ENTRY: () => true,
  EMPTY_STRING_VALUE: () => false,
  UNKNOWN_ENUM: () => false,
  UNKNOWN_KEY: () => false,
  WRONG_DIALECT: () => false,
  WRONG_TYPE: () => false,
};

test('a witness fed back to the evaluator shows what its finding says, and an entry that is called dead can go', () => {
  fc.assert(
    fc.property(anyCiscoProfile, fc.oneof(fc.constant({}), anyCiscoReadings), (profile, switched) => {
      const readings = ciscoReadingsWith(switched);
      for (const finding of ciscoLintAnswer.parse(lintCisco(profile, switched)).findings) {
        const { rule, witness, fix, place } = finding;
        if (witness !== null) {
          const answer = evaluateCisco(patched(profile, witness.after ?? []), witness.context, switched);
          expect({ decision: answer.decision, reason: answer.reason }).toEqual(witness.answer);
          expect([rule, shows[rule](finding, profile, answer.decision, readings)]).toEqual([rule, true]);
        }
        if (rule === 'SHADOWED_BY_NEVER' || rule === 'DUPLICATE_ENTRY' || rule === 'COVERED_ENTRY') {
          const open = patched(profile, witness?.after ?? []);
          const dead = patched(open, fix.patch ?? []);
          // Between Always and IfNeeded it made a difference before iOS 7 only where IfNeeded came first, which it does not.
          expect([place, diffCisco(open, dead, { left: switched, right: switched }).result]).toEqual([place, 'equal']);
        }
      }
    }),
    { numRuns: 500 },
  );
});
