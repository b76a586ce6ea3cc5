import { expect, test } from '@jest/globals';
import { vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { vpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { problemOfError } from '@quell/service-kit/problem-of-error';
import { prepare } from '../simulate/prepare.ts';
import { evaluate } from './evaluate.ts';
import { policyRequest } from './policy-request.ts';

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

test('a key of a context that nobody looks at is refused by its name, wherever it stands', () => {
  expect(refusedAt({ netwerk: network, userPause: true })).toEqual(['/context/netwerk', '/context/userPause']);
  expect(refusedAt({ network: { ...network, 'search/domains': [] } })).toEqual(['/context/network/search~1domains']);
  const body = vpnPolicyBody.parse({ dialect: 'apple-mdm', payload });
  const misspelt = { errors: [{ pointer: '/netwerk', detail: expect.stringContaining('netwerk') }] };
  expect(policyRequest(body, { netwerk: network })).toEqual(misspelt);
  expect(prepare({ body })({ netwerk: network })).toEqual(misspelt);
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
