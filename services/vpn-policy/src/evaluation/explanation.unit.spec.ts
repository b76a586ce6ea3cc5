import { expect, test } from '@jest/globals';
import type { AppleContext, ApplePayload } from '@quell/contracts/vpn-apple';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { evaluateCisco } from '../dialects/cisco-anyconnect/evaluate.ts';
import { evaluateGlobalProtect } from '../dialects/globalprotect/evaluate.ts';

const payload: ApplePayload = {
  OnDemandEnabled: 1,
  OnDemandRules: [
    { Action: 'Connect', InterfaceTypeMatch: 'Ethernet', SSIDMatch: ['Lab'], URLStringProbe: 'https://example.com/' },
    { Action: 'Disconnect', InterfaceTypeMatch: 'WiFi', SSIDMatch: ['Home', 'Office'] },
    { Action: 'Ignore' },
    { Action: 'Connect' },
  ],
};
const cafe: AppleContext = {
  vpn: 'disconnected',
  network: { interface: 'WiFi', ssid: 'Cafe', searchDomains: [], dnsServers: [], primaryIsVirtual: false },
};

test('the trace has every rule: what held, what did not, and what the client never looked at', () => {
  const { trace, nearMiss, missing } = evaluateApple(payload, cafe);
  expect(trace.map(({ place, verdict }) => `${place} ${verdict}`)).toEqual([
    '/OnDemandEnabled held',
    '/OnDemandRules/0 not-held',
    '/OnDemandRules/1 not-held',
    '/OnDemandRules/2 held',
    '/OnDemandRules/3 not-evaluated',
  ]);
  expect(trace[1]?.criteria.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
    'InterfaceTypeMatch not-held',
    'SSIDMatch not-evaluated',
    'URLStringProbe not-evaluated',
  ]);
  expect(nearMiss).toMatchObject({
    place: '/OnDemandRules/1',
    text: 'rule 1 (Disconnect) would have matched if ssid were one of "Home", "Office"',
  });
  expect(missing).toEqual([]);
});

test('an input that is not known leaves the outcomes that it allows, and is named', () => {
  const { ssid: _, ...network } = cafe.network ?? {};
  const answer = evaluateApple(payload, { ...cafe, network });
  expect(answer).toMatchObject({
    decision: 'unknown',
    reason: 'INPUT_UNKNOWN',
    ruleIndex: null,
    missing: ['/network/ssid'],
  });
  expect(answer.possible.map(({ decision, ruleIndex }) => [decision, ruleIndex])).toEqual([
    ['disconnect', 1],
    ['ignore', 2],
  ]);
});

test('an unknown input that no longer matters does not show', () => {
  const { searchDomains: _, ...network } = cafe.network ?? {};
  expect(evaluateApple(payload, { ...cafe, network })).toMatchObject({ decision: 'ignore', ruleIndex: 2, missing: [] });
});

test('a tunnel whose state is not known stays not known, unless the decision sets it', () => {
  const { vpn: _, ...context } = cafe;
  expect(evaluateApple(payload, context).nextVpn).toBeNull();
  expect(evaluateApple({ OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Disconnect' }] }, context).nextVpn).toBe(
    'disconnected',
  );
});

test('a host that no entry of ActionParameters means is told what the first would have taken', () => {
  const evaluating: ApplePayload = {
    OnDemandEnabled: 1,
    OnDemandRules: [
      {
        Action: 'EvaluateConnection',
        ActionParameters: [{ DomainAction: 'ConnectIfNeeded', Domains: ['example.com'] }],
      },
    ],
  };
  const answer = evaluateApple(evaluating, { ...cafe, connection: { host: 'example.org', dns: 'nxdomain' } });
  expect(answer.nearMiss?.text).toBe(
    'OnDemandRules/0/ActionParameters/0 would have decided if the host were under one of ["example.com"]',
  );
});

test('a reading is switched point by point', () => {
  const guarded: ApplePayload = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect', DNSDomainMatch: ['*'] }] };
  const context = { ...cafe, network: { ...cafe.network, searchDomains: ['example.com'] } };
  expect(evaluateApple(guarded, context, 'apple-mdm').decision).toBe('no-trigger');
  expect(evaluateApple(guarded, context, 'apple-mdm', { bareStar: 'all' }).decision).toBe('connect');
});

test('an AlwaysOn payload has no rules to ask', () => {
  expect(evaluateApple({ VPNType: 'AlwaysOn' }, {})).toMatchObject({ decision: 'always', nextVpn: 'connected' });
});

test('AnyConnect on an iOS of unknown age: Always may be immediate', () => {
  const profile = { CertificatePolicy: 'Auto' as const, ConnectOnDemand: true, Always: ['example.com'] };
  expect(evaluateCisco(profile, { host: 'www.example.com', dns: 'resolved', platform: {} })).toMatchObject({
    decision: 'unknown',
    missing: ['/platform/iosMajor'],
  });
  expect(evaluateCisco(profile, { host: 'www.example.com', dns: 'nxdomain', platform: {} }).decision).toBe('connect');
});

test('GlobalProtect at boot without word of a machine certificate: connected or denied', () => {
  const policy = {
    connectMethod: 'pre-logon' as const,
    override: 'allow' as const,
    timeoutMin: 0,
    maxUserOverrides: 0,
  };
  expect(evaluateGlobalProtect(policy, { platform: 'windows', event: 'boot' })).toMatchObject({
    action: 'unknown',
    missing: ['/machineCert'],
    possible: [
      { action: 'connect', user: 'pre-logon' },
      { action: 'deny', reason: 'MACHINE_CERT_REQUIRED' },
    ],
  });
});

test('Chrome OS cannot start an app, so every method is on demand there', () => {
  const policy = {
    connectMethod: 'user-logon' as const,
    override: 'disabled' as const,
    timeoutMin: 0,
    maxUserOverrides: 0,
  };
  expect(evaluateGlobalProtect(policy, { platform: 'chromeos', event: 'user-login' })).toMatchObject({
    action: 'none',
    effectiveMethod: 'on-demand',
  });
  expect(evaluateGlobalProtect(policy, { platform: 'chromeos', event: 'user-disconnect' }).action).toBe('disconnect');
});
