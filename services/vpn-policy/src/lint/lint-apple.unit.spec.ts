import { expect, test } from '@jest/globals';
import type { AppleDialect, AppleDictionary, AppleReadings } from '@quell/contracts/vpn-apple';
import { dictionaryOf } from '@quell/contracts/vpn-dictionary';
import { type VpnFinding, type VpnLintAnswer, vpnLintAnswer, vpnLintRule } from '@quell/contracts/vpn-lint';
import { vpnLintRequest } from '@quell/contracts/vpn-policy-body';
import fc from 'fast-check';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { canonicalAddress } from '../dialects/apple/match-address.ts';
import {
  anyAppleContext,
  anyAppleDialect,
  anyApplePayload,
  anyAppleReadings,
} from '../evaluation/requests.arbitrary.ts';
import { lintApple } from './lint-apple.ts';
import { lintPolicy } from './lint-policy.ts';
import { shown, shows } from './shows.fixture.ts';

const on = (OnDemandRules: unknown[], more: object = {}) => ({ OnDemandEnabled: 1, OnDemandRules, ...more });
const evaluating = (...ActionParameters: unknown[]) => on([{ Action: 'EvaluateConnection', ActionParameters }]);
const needed = (Domains: string[], more: object = {}) => ({ DomainAction: 'ConnectIfNeeded', Domains, ...more });
const last = { Action: 'Ignore' };

/** A policy, and where which finding stands in it. */
const examples: readonly (readonly [VpnFinding['rule'], string, unknown])[] = [
  [
    'SHADOWED_BY_CATCHALL',
    '/OnDemandRules/1',
    on([{ Action: 'Connect' }, { Action: 'Disconnect', SSIDMatch: ['Home'] }]),
  ],
  [
    'SHADOWED_BY_RULE',
    '/OnDemandRules/2',
    on([
      { Action: 'Connect', InterfaceTypeMatch: 'WiFi' },
      { Action: 'Ignore', InterfaceTypeMatch: 'Cellular' },
      { Action: 'Disconnect', SSIDMatch: ['Home'] },
      last,
    ]),
  ],
  [
    'SHADOWED_BY_RULE',
    '/OnDemandRules/1',
    on([
      { Action: 'Connect', DNSServerAddressMatch: ['10.*'] },
      { Action: 'Disconnect', DNSServerAddressMatch: ['10.1.*', '10.0.0.53'], InterfaceTypeMatch: 'WiFi' },
      last,
    ]),
  ],
  [
    'SHADOWED_PARAMETER',
    '/OnDemandRules/0/ActionParameters/1',
    evaluating(needed(['example.com']), { DomainAction: 'NeverConnect', Domains: ['my.example.com'] }),
  ],
  [
    'MISSING_CATCHALL',
    '/OnDemandRules',
    on(['WiFi', 'Cellular', 'Ethernet'].map((InterfaceTypeMatch) => ({ Action: 'Connect', InterfaceTypeMatch }))),
  ],
  [
    'CONTRADICTORY_RULE',
    '/OnDemandRules/0',
    on([{ Action: 'Disconnect', InterfaceTypeMatch: 'Ethernet', SSIDMatch: ['Home'] }, { Action: 'Connect' }]),
  ],
  [
    'EMPTY_MATCH_ARRAY',
    '/OnDemandRules/0/SSIDMatch',
    on([{ Action: 'Disconnect', SSIDMatch: [] }, { Action: 'Connect' }]),
  ],
  ['EMPTY_MATCH_ARRAY', '/OnDemandRules/0/ActionParameters/0/Domains', evaluating(needed([]), needed(['example.com']))],
  [
    'EMPTY_STRING_VALUE',
    '/OnDemandRules/0/DNSDomainMatch/1',
    on([{ Action: 'Disconnect', DNSDomainMatch: ['a.example.com', ''] }, last]),
  ],
  [
    'EMPTY_STRING_VALUE',
    '/OnDemandRules/0/ActionParameters/0/Domains/0',
    evaluating(needed(['']), needed(['example.com'])),
  ],
  [
    'WILDCARD_NOT_SUPPORTED_IN_SSID',
    '/OnDemandRules/0/SSIDMatch/0',
    on([{ Action: 'Disconnect', SSIDMatch: ['Corp*'] }, last]),
  ],
  [
    'UNSUPPORTED_WILDCARD_POSITION',
    '/OnDemandRules/0/DNSServerAddressMatch/0',
    on([{ Action: 'Disconnect', DNSServerAddressMatch: ['10.*.1.1'] }, last]),
  ],
  [
    'UNSUPPORTED_WILDCARD_POSITION',
    '/OnDemandRules/0/DNSDomainMatch/0',
    on([{ Action: 'Disconnect', DNSDomainMatch: ['vpn.*.com'] }, last]),
  ],
  [
    'UNSUPPORTED_WILDCARD_POSITION',
    '/OnDemandRules/0/ActionParameters/0/Domains/0',
    evaluating(needed(['vpn.*.com']), needed(['com'])),
  ],
  [
    'WILDCARD_NOT_ON_OCTET_BOUNDARY',
    '/OnDemandRules/0/DNSServerAddressMatch/0',
    on([{ Action: 'Disconnect', DNSServerAddressMatch: ['17*'] }, last]),
  ],
  [
    'NOT_AN_ADDRESS',
    '/OnDemandRules/0/DNSServerAddressMatch/0',
    on([{ Action: 'Disconnect', DNSServerAddressMatch: ['10.0.0.0/8'] }, last]),
  ],
  [
    'NOT_AN_ADDRESS',
    '/OnDemandRules/0/DNSServerAddressMatch/1',
    on([{ Action: 'Disconnect', DNSServerAddressMatch: ['10.0.0.53', 'dns.corp'] }, last]),
  ],
  ['NON_PORTABLE_STAR_DOMAIN', '/OnDemandRules/0/ActionParameters/0/Domains/0', evaluating(needed(['*']))],
  [
    'NON_PORTABLE_STAR_DOMAIN',
    '/OnDemandRules/0/DNSDomainMatch/0',
    on([{ Action: 'Connect', DNSDomainMatch: ['*'] }, last]),
  ],
  ['DIALECT_DIVERGENCE', '/OnDemandRules/0', on([{ Action: 'Connect', DNSServerAddressMatch: ['10.0.0.53'] }, last])],
  [
    'KEY_NOT_APPLICABLE',
    '/OnDemandRules/0/ActionParameters',
    on([{ Action: 'Connect', ActionParameters: [needed(['example.com'])] }]),
  ],
  [
    'KEY_NOT_APPLICABLE',
    '/OnDemandRules/0/ActionParameters/0/RequiredURLStringProbe',
    evaluating({
      DomainAction: 'NeverConnect',
      Domains: ['example.com'],
      RequiredURLStringProbe: 'https://example.com/',
    }),
  ],
  ['MISSING_REQUIRED_KEY', '/OnDemandRules/0/Action', on([{ SSIDMatch: ['Home'] }])],
  ['MISSING_REQUIRED_KEY', '/OnDemandRules/0/ActionParameters', on([{ Action: 'EvaluateConnection' }])],
  ['MISSING_REQUIRED_KEY', '/OnDemandRules/0/ActionParameters/0/Domains', evaluating({ DomainAction: 'NeverConnect' })],
  ['UNKNOWN_ENUM', '/OnDemandRules/0/InterfaceTypeMatch', on([{ Action: 'Connect', InterfaceTypeMatch: 'Wifi' }])],
  ['WRONG_TYPE', '/OnDemandEnabled', { OnDemandEnabled: true, OnDemandRules: [{ Action: 'Connect' }] }],
  ['UNKNOWN_KEY', '/OnDemandRules/0/SSIDMach', on([{ Action: 'Connect', SSIDMach: ['x'] }])],
  ['UNKNOWN_KEY', '/OnDemandRules/0/ActionParameters/0/Domain', evaluating(needed(['a.example'], { Domain: [] }))],
  ['UNKNOWN_KEY', '/IKEv2/OnDemandRulez', { IKEv2: { OnDemandEnabled: 1, OnDemandRulez: [] } }],
  ['UNKNOWN_KEY', '/Extra', on([last], { Extra: '[withheld]' })],
  ['WRONG_DIALECT', '', { ConnectOnDemand: true, Always: ['example.com'] }],
  ['WRONG_DIALECT', '', { a: 1 }],
  ['WRONG_DIALECT', '/VPN', { VPNType: 'VPN', VPN: { Always: ['example.com'] } }],
  ['RULES_PRESENT_BUT_DISABLED', '/OnDemandEnabled', { OnDemandRules: [{ Action: 'Connect' }] }],
  [
    'RULES_PRESENT_BUT_DISABLED',
    '/OnDemandEnabled',
    { OnDemandEnabled: 0, OnDemandMatchDomainsOnRetry: ['example.com'] },
  ],
  [
    'MISPLACED_KEY',
    '/OnDemandEnabled',
    { VPNType: 'VPN', VPN: {}, OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] },
  ],
  ['MISPLACED_KEY', '/PPP/OnDemandEnabled', { IPSec: {}, PPP: on([{ Action: 'Connect' }]) }],
  [
    'ON_DEMAND_WITH_INTERACTIVE_AUTH',
    '/VPN/AuthenticationMethod',
    { VPN: on([{ Action: 'Connect' }], { AuthenticationMethod: 'Password' }) },
  ],
  ['DEPRECATED_ALLOW', '/OnDemandRules/0/Action', on([{ Action: 'Allow' }])],
  ['DEPRECATED_LIST', '/OnDemandMatchDomainsNever', { OnDemandEnabled: 1, OnDemandMatchDomainsNever: ['example.com'] }],
  [
    'PROBE_NOT_HTTPS',
    '/OnDemandRules/0/URLStringProbe',
    on([{ Action: 'Ignore', URLStringProbe: 'http://example.com/' }, { Action: 'Connect' }]),
  ],
  [
    'LOSSY_EXPORT',
    '/OnDemandRules/0/ActionParameters/1',
    evaluating(needed(['a.example.com']), needed(['b.example.com'])),
  ],
  [
    'LOSSY_EXPORT',
    '/OnDemandRules/0/ActionParameters/0/RequiredDNSServers',
    evaluating(needed(['example.com'], { RequiredDNSServers: ['10.0.0.53'] })),
  ],
  [
    'PROBE_SELF_DEADLOCK',
    '/OnDemandRules/0/URLStringProbe',
    on([
      {
        Action: 'EvaluateConnection',
        URLStringProbe: 'https://in.example.com/',
        ActionParameters: [needed(['example.com'])],
      },
      last,
    ]),
  ],
];
const formal = new Set(['UNKNOWN_ENUM', 'UNKNOWN_KEY', 'WRONG_DIALECT', 'WRONG_TYPE']);

test('the examples have every rule of the catalogue', () => {
  expect([...new Set(examples.map(([rule]) => rule))].sort()).toEqual([...vpnLintRule.options].sort());
});

test.each(examples)('%s stands at %s, and its witness shows it', (rule, place, policy) => {
  const { findings, undecided } = vpnLintAnswer.parse(lintApple(policy));
  expect(undecided).toEqual([]);
  const finding = findings.find((one) => one.rule === rule && one.place === place);
  if (finding === undefined)
    throw new Error(`found only ${findings.map((one) => `${one.rule} ${one.place}`).join(', ')}`);
  if (formal.has(rule) || (place.endsWith('/0/Action') && rule === 'MISSING_REQUIRED_KEY')) {
    expect(finding.witness).toBeNull();
    return;
  }
  verify(policy, finding);
});

/** Feeds the witness back to the evaluator: it says what the finding says it says, and that is what the finding is about. */
function verify(policy: unknown, finding: VpnFinding, own: Partial<AppleReadings> = {}, under?: AppleDialect): void {
  const { dictionary, base } = dictionaryOf(policy);
  const on = finding.witness?.after === undefined ? {} : { OnDemandEnabled: 1 };
  const payload = { ...(dictionary as AppleDictionary), ...on };
  if (finding.witness === null) throw new Error(`${finding.rule} at ${finding.place} has no witness`);
  for (const { dialect, ...said } of finding.witness.answers) {
    const switched = dialect === under ? own : {};
    expect(evaluateApple(payload, finding.witness.context, dialect, switched)).toMatchObject(said);
  }
  const place = finding.place.slice(base.length);
  const [{ dialect: first } = { dialect: under }] = finding.witness.answers;
  const about = shown(payload, { ...finding, place }, finding.witness.context, first === under ? own : {});
  if (!shows[finding.rule](about)) throw new Error(`the witness does not show ${JSON.stringify(finding)}`);
}

/** Systems report addresses in the form of RFC 5952, which is what lint goes by. */
const anyReportedContext = anyAppleContext.map((context) => ({
  ...context,
  network: { ...context.network, dnsServers: (context.network?.dnsServers ?? []).map(canonicalAddress) },
}));

test('on random policies and readings every witness shows what its finding says, and no random context chooses a rule that lint calls dead', () => {
  fc.assert(
    fc.property(
      anyApplePayload,
      anyAppleDialect,
      fc.oneof(fc.constant({}), anyAppleReadings),
      fc.array(anyReportedContext, { minLength: 20, maxLength: 20 }),
      (payload, dialect, switched, contexts) => {
        const { findings } = lintApple(payload, dialect, switched);
        for (const finding of findings) if (finding.witness !== null) verify(payload, finding, switched, dialect);
        const dead = findings
          .filter(({ rule }) => /^SHADOWED_BY|^CONTRADICTORY/.test(rule))
          .map((one) => one.ruleIndex);
        const enabled = { ...payload, OnDemandEnabled: 1 };
        for (const context of contexts)
          expect(dead).not.toContain(evaluateApple(enabled, context, dialect, switched).ruleIndex ?? -1);
      },
    ),
    { numRuns: Number(process.env.QUELL_VPN_LINTS ?? 10), endOnFailure: true },
  );
});

test('lint reads the policy as it is evaluated: a rule that another reading would shadow is not called dead', () => {
  const policy = on([
    { Action: 'Disconnect', DNSDomainMatch: ['example.com'] },
    { Action: 'Connect', DNSDomainMatch: ['eng.example.com'] },
    last,
  ]);
  const dead = (readings: object) => {
    const { findings } = lintPolicy(vpnLintRequest.parse({ payload: policy, readings })) as VpnLintAnswer;
    return findings.filter(({ rule }) => rule === 'SHADOWED_BY_RULE').map(({ place }) => place);
  };
  expect(dead({})).toEqual(['/OnDemandRules/1']);
  expect(dead({ searchDomain: 'equal' })).toEqual([]);
});

test('a block of addresses that ends between two numbers has a fix that a client reads', () => {
  const fix = (value: string) =>
    lintApple(on([{ Action: 'Connect', DNSServerAddressMatch: [value] }, last])).findings.find(
      ({ rule }) => rule === 'NOT_AN_ADDRESS',
    )?.fix.patch?.[0]?.value;
  expect(['10.0.0.0/8', '172.16.0.0/16', '192.0.2.53/32', '10.0.0.0/12', 'dns.corp'].map(fix)).toEqual([
    '10.*',
    '172.16.*',
    '192.0.2.53',
    undefined,
    undefined,
  ]);
});

test('a rule of no addresses shadows nothing and is shadowed by nothing', () => {
  const { findings } = lintApple(
    on([
      { Action: 'Disconnect', DNSServerAddressMatch: ['10.0.0.0/8', 'dns.corp'] },
      { Action: 'Connect', DNSServerAddressMatch: ['dns.corp'] },
      last,
    ]),
  );
  expect(findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule)).toEqual([
    'NOT_AN_ADDRESS',
    'NOT_AN_ADDRESS',
    'NOT_AN_ADDRESS',
  ]);
});

test('a rule of servers that look like those of examples leaves others to the rules after it', () => {
  for (const entries of [
    ['192.*', '203.*', '2001:*'],
    ['192.*', '203.*', '2*', 'fd*'],
    ['1*', '2*', '3*', '4*', '5*', '6*', '7*', '8*', '9*'],
  ]) {
    const { findings, undecided } = lintApple(
      on([
        { Action: 'Disconnect', DNSServerAddressMatch: entries },
        { Action: 'Ignore', DNSServerAddressMatch: ['*'] },
      ]),
      'apple-legacy',
    );
    expect(undecided).toEqual([]);
    expect(findings.filter(({ rule }) => rule.startsWith('SHADOWED'))).toEqual([]);
  }
});

test('an entry that means a server on one link, and one whose number begins with 0, are named for what they are', () => {
  const about = (entry: string, dialect: AppleDialect = 'apple-mdm') =>
    lintApple(on([{ Action: 'Disconnect', DNSServerAddressMatch: [entry] }, last]), dialect)
      .findings.map(({ rule }) => rule)
      .filter((rule) => rule !== 'DIALECT_DIVERGENCE');
  for (const entry of ['fe80::1%e*', 'fe80::1%*', 'fe80::1%en0', '0*']) {
    expect([entry, ...about(entry)]).not.toContain('NOT_AN_ADDRESS');
  }
  expect(about('fe80::1%e*')).toEqual([]);
  for (const entry of ['01*', '00*', 'fe80::%%*']) expect([entry, ...about(entry)]).toEqual([entry, 'NOT_AN_ADDRESS']);
  // As written, a server may be reported with that 0.
  expect(about('01*', 'apple-legacy')).not.toContain('NOT_AN_ADDRESS');
});

test('a misspelt key is an error that names the key that was meant; one that is merely withheld is a warning', () => {
  const said = (policy: unknown) => lintApple(policy).findings.map(({ severity, fix }) => [severity, fix.text]);
  expect(said(on([{ Action: 'Connect', SSIDMach: ['x'] }]))).toEqual([['error', 'did you mean SSIDMatch?']]);
  expect(said(on([last], { Extra: '[withheld]' }))).toEqual([['warning', 'remove Extra']]);
  expect(said(on([last], { SharedSecret: '[withheld]', Extra: 1 }))).toEqual([]);
});

test('a policy that does what it looks like has no finding but what it cannot do elsewhere', () => {
  const policy = on([
    { Action: 'Disconnect', InterfaceTypeMatch: 'WiFi', SSIDMatch: ['Home'] },
    { Action: 'Connect', InterfaceTypeMatch: 'Cellular' },
    { Action: 'Ignore' },
  ]);
  expect(lintApple(policy)).toEqual({ dialect: 'apple-mdm', findings: [], undecided: [] });
});

test('more classes than 2^16 are undecided, while what stands after a catch-all still is found', () => {
  const probing = Array.from({ length: 17 }, (_, index) => ({
    Action: 'Ignore',
    URLStringProbe: `https://p${index}.example.com/`,
  }));
  const asking = { AuthenticationMethod: 'Password' };
  const { findings, undecided } = lintApple(on([...probing, { Action: 'Connect' }, { Action: 'Disconnect' }], asking));
  expect(findings.map(({ rule, place }) => [rule, place])).toEqual([['SHADOWED_BY_CATCHALL', '/OnDemandRules/18']]);
  expect(new Set(undecided.map(({ rule }) => rule))).toEqual(
    new Set(['SHADOWED_BY_RULE', 'MISSING_CATCHALL', 'ON_DEMAND_WITH_INTERACTIVE_AUTH', 'DIALECT_DIVERGENCE']),
  );
});
