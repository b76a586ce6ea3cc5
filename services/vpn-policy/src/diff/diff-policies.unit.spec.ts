import { expect, test } from '@jest/globals';
import { vpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { decideByContent } from '../evaluation/decide-by-content.ts';
import { diffPolicies } from './diff-policies.ts';

const cisco = (readings?: object) =>
  vpnPolicyBody.parse({
    dialect: 'cisco-anyconnect',
    profile: { CertificatePolicy: 'Auto', ConnectOnDemand: true, IfNeeded: ['.example.com'] },
    ...(readings === undefined ? {} : { readings }),
  });
const globalProtect = (readings?: object) =>
  vpnPolicyBody.parse({
    dialect: 'globalprotect',
    settings: { connectMethod: 'pre-logon' },
    ...(readings === undefined ? {} : { readings }),
  });

test.each([
  ['an AnyConnect profile', cisco(), cisco({ leadingDotMatchesApex: false })],
  ['an AnyConnect profile that was switched first', cisco({ redirectedIsFailure: true }), cisco()],
  ['a GlobalProtect configuration', globalProtect(), globalProtect({ preLogonElsewhere: 'invalid' })],
  ['a device of unknown certificate', globalProtect(), globalProtect({ machineCertUnknownAtLogin: 'unknown' })],
  [
    'an app that signs in nobody knows how',
    globalProtect({ samlUnknownOnIos: 'unknown' }),
    globalProtect({ samlUnknownOnIos: 'not-saml' }),
  ],
])('%s under two readings differs where a witness shows it, and is equal to itself', (_, left, right) => {
  expect(diffPolicies(left, left)?.result).toBe('equal');
  expect(diffPolicies(right, right)?.result).toBe('equal');
  const answer = diffPolicies(left, right);
  if (answer?.result !== 'different') throw new Error(`they are ${answer?.result}`);
  for (const { left: one, right: other, witness } of answer.differences) {
    expect(decideByContent({ body: left }, witness)).toMatchObject(one);
    expect(decideByContent({ body: right }, witness)).toMatchObject(other);
  }
});

test('policies of two vendors are not compared', () => {
  expect(diffPolicies(cisco(), globalProtect())).toBeUndefined();
});
