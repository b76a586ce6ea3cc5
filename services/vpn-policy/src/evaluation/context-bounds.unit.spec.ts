import { expect, test } from '@jest/globals';
import { appleContext } from '@quell/contracts/vpn-apple';
import { vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { vpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { problemOfError } from '@quell/service-kit/problem-of-error';
import { prepare } from '../simulate/prepare.ts';
import { decideByContent } from './decide-by-content.ts';
import { evaluate } from './evaluate.ts';

const many = (count: number, name: (index: number) => string) => Array.from({ length: count }, (_, at) => name(at));
const payload = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] };
const network = { interface: 'WiFi', primaryIsVirtual: false };

/** Where a request is refused. */
const refusedAt = (context: object) => {
  const read = vpnEvaluateRequest.safeParse({ payload, context });
  return problemOfError(read.error).problem.errors?.map(({ pointer }) => pointer);
};

test('a context with more or longer texts than any device has is refused, with the place', () => {
  expect(refusedAt({ network: { searchDomains: many(65, (at) => `d${at}.example.com`) } })).toEqual([
    '/context/network/searchDomains',
  ]);
  expect(refusedAt({ network: { dnsServers: many(65, (at) => `10.0.0.${at}`) } })).toEqual([
    '/context/network/dnsServers',
  ]);
  expect(refusedAt({ network: { searchDomains: ['x'.repeat(256)] } })).toEqual(['/context/network/searchDomains/0']);
  expect(refusedAt({ connection: { host: 'x'.repeat(1025) } })).toEqual(['/context/connection/host']);
  const answered = Object.fromEntries(many(1025, (at) => `https://p${at}.example.com/`).map((url) => [url, {}]));
  expect(refusedAt({ probes: answered })).toEqual(['/context/probes']);
});

test('what a policy may ask for a context can answer, and what went wrong may be told at any length', () => {
  const url = `https://probe.example.com/${'x'.repeat(8_000)}`;
  const rule = { Action: 'Connect', URLStringProbe: url };
  const asked = { OnDemandEnabled: 1, OnDemandRules: [rule, { Action: 'Disconnect' }] };
  const decided = (answer: object) =>
    evaluate(vpnEvaluateRequest.parse({ payload: asked, context: { network, probes: { [url]: answer } } }));
  expect(decided({ status: 200 })).toMatchObject({ decision: 'connect' });
  expect(decided({ error: `refused ${'😀'.repeat(5_000)}` })).toMatchObject({ decision: 'disconnect' });
  const { probes } = appleContext.parse({ probes: { [url]: { error: `x${'😀'.repeat(5_000)}` } } });
  expect(probes?.[url]?.error).toHaveLength(1024);
  expect(probes?.[url]?.error?.isWellFormed()).toBe(true);
  expect(refusedAt({ dnsServerReachable: { ['x'.repeat(8_193)]: true } })).toHaveLength(1);
});

test('a key of a context that comes with a policy and that nobody looks at is refused by its name, wherever it stands', () => {
  expect(refusedAt({ netwerk: network, userPause: true })).toEqual(['/context/netwerk', '/context/userPause']);
  expect(refusedAt({ network: { ...network, 'search/domains': [] } })).toEqual(['/context/network/search~1domains']);
  expect(refusedAt({ probes: { 'https://a/b': { stattus: 200 } } })).toEqual([
    '/context/probes/https:~1~1a~1b/stattus',
  ]);
  const cisco = { dialect: 'cisco-anyconnect', profile: {}, context: { hosst: 'x', platform: { ios: 17 } } };
  const { error } = vpnEvaluateRequest.safeParse(cisco);
  const places = problemOfError(error).problem.errors?.map(({ pointer }) => pointer);
  expect(places?.toSorted()).toEqual(['/context/hosst', '/context/platform/ios']);
  const portal = { dialect: 'globalprotect', connectMethod: 'pre-logon', platform: 'windows', event: 'user-login' };
  const misspelt = vpnEvaluateRequest.safeParse({ ...portal, machincert: false, overide: 'disabled' });
  expect(problemOfError(misspelt.error).problem.errors?.map(({ pointer }) => pointer)).toEqual([
    '/machincert',
    '/overide',
  ]);
  // What was stored when such keys were let pass can still be read.
  const settings = { connectMethod: 'user-logon', overide: 'disabled' };
  expect(vpnPolicyBody.safeParse({ dialect: 'globalprotect', settings }).success).toBe(true);
  const body = vpnPolicyBody.parse({ dialect: 'apple-mdm', payload });
  // A device that asks by a stored policy may tell more than the policy's dialect looks at.
  expect(decideByContent({ body }, { network, battery: 80 })).toMatchObject({ decision: 'connect' });
  expect(prepare({ body })({ network, battery: 80 })).toMatchObject({ decision: 'connect' });
});

/** No time is asserted: an evaluation that hangs fails. */
test('a policy as long as a body may be, on a network with as many domains and servers, is decided in one go', () => {
  const rule = {
    Action: 'Disconnect',
    DNSDomainMatch: many(20_000, (at) => `n${at}.example.com`),
    DNSServerAddressMatch: many(20_000, (at) => `2001:db8::${at.toString(16)}`),
  };
  const { decision } = evaluate(
    vpnEvaluateRequest.parse({
      payload: { OnDemandEnabled: 1, OnDemandRules: [rule, { Action: 'Ignore' }] },
      context: {
        network: {
          ...network,
          searchDomains: many(64, (at) => `elsewhere${at}.example.com`),
          dnsServers: many(64, (at) => `2001:db8:1::${at}`),
        },
      },
    }),
  ) as { decision: string };
  expect(decision).toBe('ignore');
});
