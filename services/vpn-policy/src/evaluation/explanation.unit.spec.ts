import { expect, test } from '@jest/globals';
import type { AppleContext, AppleDictionary } from '@quell/contracts/vpn-apple';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { evaluateCisco } from '../dialects/cisco-anyconnect/evaluate.ts';
import { evaluateGlobalProtect } from '../dialects/globalprotect/evaluate.ts';
import { diffCisco } from '../diff/diff-cisco.ts';

const payload: AppleDictionary = {
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
  const evaluating: AppleDictionary = {
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
  const guarded: AppleDictionary = {
    OnDemandEnabled: 1,
    OnDemandRules: [{ Action: 'Connect', DNSDomainMatch: ['*'] }],
  };
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

test('a probe that failed makes the rule fail, whatever else is not known', () => {
  const probing: AppleDictionary = {
    OnDemandEnabled: 1,
    OnDemandRules: [
      { Action: 'Connect', SSIDMatch: ['Lab'], URLStringProbe: 'https://example.com/' },
      { Action: 'Ignore' },
    ],
  };
  const { ssid: _, ...network } = cafe.network ?? {};
  const answer = evaluateApple(probing, { network, probes: { 'https://example.com/': { error: 'timeout' } } });
  expect(answer).toMatchObject({ decision: 'ignore', ruleIndex: 1, missing: [] });
});

test('a host that is in none of the three lists is told what one of them would have taken', () => {
  const lists: AppleDictionary = {
    OnDemandEnabled: 1,
    OnDemandMatchDomainsNever: ['example.net'],
    OnDemandMatchDomainsOnRetry: ['example.com'],
  };
  const elsewhere = { ...cafe, connection: { host: 'example.org', dns: 'nxdomain' as const } };
  expect(evaluateApple(lists, elsewhere)).toMatchObject({
    reason: 'LEGACY_NO_DOMAIN',
    nearMiss: {
      place: '/OnDemandMatchDomainsOnRetry',
      text: 'OnDemandMatchDomainsOnRetry would have decided if the host ended with one of ["example.com"]',
    },
  });
  const { OnDemandMatchDomainsOnRetry: _, ...never } = lists;
  expect(evaluateApple(never, elsewhere).nearMiss?.place).toBe('/OnDemandMatchDomainsNever');
});

test('a pause by the user stands in the trace', () => {
  const { reason, trace } = evaluateApple(payload, { ...cafe, userPaused: true }, 'apple-legacy');
  expect(reason).toBe('USER_PAUSED');
  expect(trace.at(-1)).toMatchObject({ verdict: 'not-held', criteria: [{ name: 'userPaused', found: true }] });
});

const portal = { override: 'with-comment', timeoutMin: 0, maxUserOverrides: 2 } as const;
test.each([
  [
    'a machine certificate at boot',
    { ...portal, connectMethod: 'pre-logon' },
    { platform: 'windows', event: 'boot', machineCert: false },
    'MACHINE_CERT_REQUIRED',
    'machineCert',
    'the app would have done connect if the device had a machine certificate',
  ],
  [
    'SAML on iOS',
    { ...portal, connectMethod: 'user-logon' },
    { platform: 'ios', event: 'user-login', auth: 'SAML' },
    'SAML_IOS_ON_DEMAND_ONLY',
    'auth',
    'the app would have worked if the user signed in by something else than SAML',
  ],
  [
    'the number of disconnects',
    { ...portal, connectMethod: 'user-logon' },
    { platform: 'macos', event: 'user-disconnect', used: 2 },
    'MAX_OVERRIDES_REACHED',
    'used',
    'the app would have done challenge if the user had disconnected fewer than 2 times',
  ],
] as const)(
  'GlobalProtect: %s stands in the trace, and is what it missed by',
  (_, policy, context, reason, name, text) => {
    const answer = evaluateGlobalProtect(policy, context);
    expect(answer).toMatchObject({ reason, nearMiss: { text, failed: [{ name, verdict: 'not-held' }] } });
    expect(answer.trace.at(-1)?.criteria.at(-1)).toMatchObject({ name, verdict: 'not-held' });
  },
);

test('GlobalProtect: nothing is nearest where another context would change nothing', () => {
  const policy = { ...portal, connectMethod: 'user-logon' } as const;
  const stop = { platform: 'windows', event: 'user-disconnect' } as const;
  const hidden = evaluateGlobalProtect({ ...policy, showIcon: false }, stop);
  expect(hidden).toMatchObject({ action: 'deny', reason: 'NO_APP_ICON', nearMiss: null });
  const none = evaluateGlobalProtect({ ...policy, maxUserOverrides: 0 }, stop, { zeroUserOverrides: 'none' });
  expect(none).toMatchObject({ action: 'deny', reason: 'MAX_OVERRIDES_REACHED', nearMiss: null });
  expect(evaluateGlobalProtect({ ...policy, override: 'disabled' }, stop).nearMiss).toBeNull();
});

test('GlobalProtect at login without word of a machine certificate: its tunnel is taken to be up, or either', () => {
  const policy = { ...portal, connectMethod: 'pre-logon' } as const;
  const login = { platform: 'windows', event: 'user-login' } as const;
  expect(evaluateGlobalProtect(policy, login)).toMatchObject({ action: 'reassign-tunnel', missing: [] });
  const answer = evaluateGlobalProtect(policy, login, { machineCertUnknownAtLogin: 'unknown' });
  expect(answer).toMatchObject({ action: 'unknown', missing: ['/machineCert'] });
  expect(answer.possible.map(({ action }) => action)).toEqual(['reassign-tunnel', 'connect']);
});

test('AnyConnect: a final dot, of the host or of the server address, names the same server', () => {
  const profile = { ConnectOnDemand: true, Always: ['example.com'], serverAddress: 'https://vpn.example.com/group' };
  for (const serverAddress of ['vpn.example.com', 'vpn.example.com.', 'https://vpn.example.com./group']) {
    for (const host of ['vpn.example.com', 'VPN.example.com.']) {
      expect(evaluateCisco({ ...profile, serverAddress }, { host, dns: 'nxdomain' }).reason).toBe('NEVER_CONNECT');
    }
  }
});

test('AnyConnect: the server is in Never as the rule that the editor would add, names under it included', () => {
  const profile = { ConnectOnDemand: true, Always: ['example.com'] };
  const stated = { ...profile, Never: ['vpn.example.com'] };
  const implied = { ...profile, serverAddress: 'https://vpn.example.com/group' };
  for (const hostRuleMatchesBelow of [true, false]) {
    for (const host of ['vpn.example.com', 'a.vpn.example.com', 'avpn.example.com', 'example.com']) {
      const asked = { host, dns: 'nxdomain' } as const;
      const { reason } = evaluateCisco(stated, asked, { hostRuleMatchesBelow });
      expect(evaluateCisco(implied, asked, { hostRuleMatchesBelow }).reason).toBe(reason);
    }
    expect(
      diffCisco(stated, implied, { left: { hostRuleMatchesBelow }, right: { hostRuleMatchesBelow } }),
    ).toMatchObject({
      result: 'equal',
    });
  }
});
