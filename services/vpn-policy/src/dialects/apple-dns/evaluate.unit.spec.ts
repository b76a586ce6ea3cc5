import { expect, test } from '@jest/globals';
import type { AppleContext, AppleRule } from '@quell/contracts/vpn-apple';
import fc from 'fast-check';
import { anyAppleContext, anyApplePayload } from '../../evaluation/requests.arbitrary.ts';
import { evaluateApple } from '../apple/evaluate.ts';
import { evaluateDnsSettings } from './evaluate.ts';

const wifi = (ssid: string, host?: string): AppleContext => ({
  vpn: 'disconnected',
  network: { interface: 'WiFi', ssid, searchDomains: [], dnsServers: [], primaryIsVirtual: false },
  ...(host === undefined ? {} : { connection: { host, dns: 'resolved' } }),
});
const rules: AppleRule[] = [
  { Action: 'Disconnect', SSIDMatch: ['Office'] },
  {
    Action: 'EvaluateConnection',
    ActionParameters: [
      { Domains: ['captive.example.com'], DomainAction: 'NeverConnect' },
      { Domains: ['example.com'], DomainAction: 'ConnectIfNeeded', RequiredURLStringProbe: 'https://example.com/' },
    ],
  },
];

test.each<[string, AppleContext, string, number | null]>([
  ['a network that is excepted', wifi('Office'), 'leave', 0],
  ['no name asked for', wifi('Cafe'), 'per-domain', 1],
  ['a domain that is excepted', wifi('Cafe', 'captive.example.com'), 'leave', 1],
  ['a domain that is named, though it resolves', wifi('Cafe', 'www.example.com'), 'apply', 1],
  ['a domain that is not named', wifi('Cafe', 'www.example.org'), 'apply', 1],
])('%s', (_what, context, decision, ruleIndex) => {
  expect(evaluateDnsSettings(rules, context)).toMatchObject([{ decision, ruleIndex }]);
});

test('without rules the settings apply; where no rule holds nobody says', () => {
  expect(evaluateDnsSettings(undefined, wifi('Cafe'))).toMatchObject([{ decision: 'apply' }]);
  expect(evaluateDnsSettings(rules.slice(0, 1), wifi('Cafe'))).toMatchObject([{ decision: 'unspecified' }]);
  expect(
    evaluateDnsSettings(rules, { ...wifi('Cafe'), network: { interface: 'WiFi', primaryIsVirtual: false } }),
  ).toHaveLength(2);
});

test('the rule that is chosen is the one that a VPN would choose', () => {
  fc.assert(
    fc.property(anyApplePayload, anyAppleContext, ({ OnDemandRules = [] }, context) => {
      const { connection: _, ...network } = context;
      const [outcome] = evaluateDnsSettings(OnDemandRules, network);
      expect(outcome?.ruleIndex).toBe(evaluateApple({ OnDemandEnabled: 1, OnDemandRules }, network).ruleIndex);
    }),
    { numRuns: 200 },
  );
});
