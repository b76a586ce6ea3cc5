import { expect, test } from '@jest/globals';
import { vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { vpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { problemOfError } from '@quell/service-kit/problem-of-error';
import { diffPolicies } from '../diff/diff-policies.ts';
import { prepare } from '../simulate/prepare.ts';
import { decideByContent } from './decide-by-content.ts';
import { evaluate } from './evaluate.ts';

const dictionary = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] };
/** What an import calls `document`. */
const whole = (IKEv2: object) => ({ PayloadType: 'com.apple.vpn.managed', VPNType: 'IKEv2', IKEv2 });
const context = { vpn: 'disconnected', network: { interface: 'WiFi', primaryIsVirtual: false } };

test('a whole payload decides as the dictionary in it, in each way of asking', () => {
  const asked = (payload: object) => vpnEvaluateRequest.parse({ dialect: 'apple-mdm', payload, context });
  expect(evaluate(asked(whole(dictionary)))).toEqual(evaluate(asked(dictionary)));
  const body = (payload: object) => vpnPolicyBody.parse({ dialect: 'apple-mdm', payload });
  const stored = body(whole(dictionary));
  expect(stored).toMatchObject({ payload: whole(dictionary) });
  expect(decideByContent({ body: stored }, context)).toMatchObject({ decision: 'connect', ruleIndex: 0 });
  expect(prepare({ body: stored })(context)).toMatchObject({ decision: 'connect' });
  expect(diffPolicies(stored, body(dictionary))).toMatchObject({ result: 'equal' });
});

test('a whole payload whose keys stand around the dictionary is switched off, as lint says', () => {
  const misplaced = { ...whole({}), ...dictionary };
  expect(evaluate(vpnEvaluateRequest.parse({ payload: misplaced, context }))).toMatchObject({ decision: 'disabled' });
});

test('what is wrong in the dictionary of a whole payload is refused at its place', () => {
  const wrong = whole({ OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Conect' }] });
  const read = vpnEvaluateRequest.safeParse({ payload: wrong, context });
  expect(problemOfError(read.error).problem.errors?.map(({ pointer }) => pointer)).toEqual([
    '/payload/IKEv2/OnDemandRules/0/Action',
  ]);
});

const PayloadType = 'com.apple.vpn.managed';
test.each([
  ['of another type', { PayloadType, VPNType: 'IKEv2', VPN: dictionary }, 'disabled'],
  ['around those of a type that has none', { PayloadType, VPNType: 'L2TP', PPP: {}, ...dictionary }, 'disabled'],
  [
    'in those of a type that has none',
    { PayloadType, VPNType: 'L2TP', PPP: dictionary, IPSec: dictionary },
    'disabled',
  ],
  ['of a type that nobody named', { PayloadType, VPN: dictionary }, 'disabled'],
  ['beside AlwaysOn', { PayloadType, VPNType: 'AlwaysOn', AlwaysOn: {}, IKEv2: {} }, 'always'],
  ['that stand alone', { VPN: dictionary }, 'connect'],
])('keys %s decide as on a device', (_, payload, decision) => {
  expect(evaluate(vpnEvaluateRequest.parse({ payload, context }))).toMatchObject({ decision });
});

test('keys around the dictionary of a whole payload may be of any form, for no client looks at them', () => {
  const payload = { ...whole(dictionary), OnDemandEnabled: true, OnDemandRules: 'none' };
  expect(evaluate(vpnEvaluateRequest.parse({ payload, context }))).toMatchObject({ decision: 'connect' });
  expect(vpnPolicyBody.parse({ dialect: 'apple-mdm', payload })).toMatchObject({ payload });
});

test('what is wrong in a dictionary alone is refused at its place', () => {
  const read = vpnEvaluateRequest.safeParse({ payload: { OnDemandEnabled: true }, context });
  expect(problemOfError(read.error).problem.errors?.map(({ pointer }) => pointer)).toEqual([
    '/payload/OnDemandEnabled',
  ]);
});
