import type { AppleContext, AppleDialect, AppleDictionary, AppleReadings, AppleRule } from '@quell/contracts/vpn-apple';
import type { CiscoContext, CiscoProfile, CiscoReadings } from '@quell/contracts/vpn-cisco';
import type {
  GlobalProtectContext,
  GlobalProtectPolicy,
  GlobalProtectReadings,
} from '@quell/contracts/vpn-globalprotect';
import fc from 'fast-check';

/** Small vocabularies, so that what policies name and what contexts have meet often, and nearly meet. */
const ssids = ['Home', 'home', 'Corp', 'Corp*', ''];
const domainEntries = [
  'example.com',
  '*.example.com',
  'Example.com',
  '.eng.example.com',
  '*eng.example.com',
  'example.com.',
  'x-example.com',
  '*',
  'com',
  'a.*.com',
  '',
];
const names = [
  'example.com',
  'eng.example.com',
  'a.eng.example.com',
  'x-example.com',
  'EXAMPLE.com',
  'other.org',
  'example.com.',
  'com',
  '',
];
const addressEntries = [
  '10.*',
  '10.0.0.53',
  '10.0*',
  '2001:db8:*',
  '2001:0DB8::53',
  '2001:0db8:*',
  '*',
  '',
  '8.*.8.8',
  '10.0.0.0/8',
];
const servers = ['10.0.0.53', '10.1.0.1', '100.1.1.1', '2001:db8::53', '2001:0db8:0:0::53', '8.8.8.8'];
const urls = ['https://a.example.com/ok', 'http://b.example.com/ok'];

const some = (values: readonly string[]) => fc.uniqueArray(fc.constantFrom(...values), { maxLength: 3 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
/** Without the keys that are undefined, as JSON has them. */
const present = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;

const parameter = fc
  .record({
    Domains: fc.option(some(domainEntries), { nil: undefined, freq: 9 }),
    DomainAction: fc.constantFrom('ConnectIfNeeded' as const, 'ConnectIfNeeded' as const, 'NeverConnect' as const),
    RequiredDNSServers: maybe(some(servers.slice(0, 2))),
    RequiredURLStringProbe: maybe(fc.constantFrom(...urls)),
  })
  .map(present);

export const anyAppleRule: fc.Arbitrary<AppleRule> = fc
  .record({
    Action: fc.constantFrom('Connect', 'Disconnect', 'Ignore', 'EvaluateConnection', 'EvaluateConnection', 'Allow'),
    InterfaceTypeMatch: maybe(fc.constantFrom('WiFi', 'WiFi', 'Ethernet', 'Cellular')),
    SSIDMatch: maybe(some(ssids)),
    DNSDomainMatch: maybe(some(domainEntries)),
    DNSServerAddressMatch: maybe(some(addressEntries)),
    URLStringProbe: maybe(fc.constantFrom(...urls)),
    ActionParameters: fc.option(fc.array(parameter, { maxLength: 3 }), { nil: undefined, freq: 6 }),
  })
  .map(present) as fc.Arbitrary<AppleRule>;

export const anyApplePayload: fc.Arbitrary<AppleDictionary> = fc
  .record({
    OnDemandEnabled: fc.option(fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 0), { nil: undefined, freq: 20 }),
    OnDemandRules: fc.option(fc.array(anyAppleRule, { maxLength: 4 }), { nil: undefined, freq: 9 }),
    OnDemandMatchDomainsAlways: maybe(some(domainEntries)),
    OnDemandMatchDomainsOnRetry: maybe(some(domainEntries)),
    OnDemandMatchDomainsNever: maybe(some(domainEntries)),
  })
  .map(present);

const probe = fc.constantFrom(
  { status: 200 },
  { status: 200 },
  { status: 200, redirected: true },
  { status: 204 },
  { error: 'timeout' },
  {},
);

/** Every input known; probes may be unanswered, which is a state of the world and no lack of knowledge. */
export const anyAppleContext: fc.Arbitrary<AppleContext> = fc
  .record({
    vpn: fc.constantFrom('connected', 'disconnected'),
    network: fc.record({
      interface: fc.constantFrom('WiFi', 'WiFi', 'WiFi', 'Ethernet', 'Cellular', 'Other', null),
      ssid: fc.constantFrom(...ssids, 'Else', null),
      searchDomains: some(names),
      dnsServers: some(servers),
      primaryIsVirtual: fc.constantFrom(false, false, false, false, false, true),
    }),
    connection: fc.option(
      fc.record({
        host: fc.constantFrom(...names),
        dns: fc.constantFrom('resolved', 'resolved', 'nxdomain', 'timeout', 'redirected'),
      }),
      { nil: undefined, freq: 5 },
    ),
    probes: fc
      .tuple(probe, probe)
      .map((answers) => Object.fromEntries(urls.map((url, index) => [url, answers[index] ?? {}]))),
    dnsServerReachable: fc
      .tuple(fc.boolean(), fc.boolean())
      .map((reachable) =>
        Object.fromEntries(servers.slice(0, 2).map((one, index) => [one, reachable[index] === true])),
      ),
    userPaused: fc.constantFrom(false, false, false, true),
  })
  .map(present) as fc.Arbitrary<AppleContext>;

export const anyAppleDialect = fc.constantFrom<AppleDialect>('apple-mdm', 'apple-ne', 'apple-legacy');

/** Any point read otherwise than the dialect does, most not. */
export const anyAppleReadings: fc.Arbitrary<Partial<AppleReadings>> = fc
  .record({
    dnsServers: maybe(fc.constantFrom('any', 'each')),
    noDnsServers: maybe(fc.constantFrom('fails', 'holds')),
    canonicalAddresses: maybe(fc.boolean()),
    searchDomain: maybe(fc.constantFrom('label-suffix', 'equal', 'raw-suffix')),
    searchDomainsConsidered: maybe(fc.constantFrom('any', 'first')),
    host: maybe(fc.constantFrom('label-suffix', 'raw-suffix')),
    listHost: maybe(fc.constantFrom('label-suffix', 'raw-suffix')),
    bareStar: maybe(fc.constantFrom('all', 'none')),
    topLevelDomains: maybe(fc.boolean()),
    caseSensitive: maybe(fc.boolean()),
    alwaysList: maybe(fc.constantFrom('on-retry', 'immediate')),
    neverListStopsConnect: maybe(fc.boolean()),
    unansweredRuleProbe: maybe(fc.constantFrom('pending', 'failed')),
    unansweredRequiredProbe: maybe(fc.constantFrom('pending', 'failed')),
    requiredProbeRedirect: maybe(fc.constantFrom('succeeds', 'fails')),
    redirectedFailsLists: maybe(fc.boolean()),
    manualStopPauses: maybe(fc.boolean()),
  })
  .map(present) as fc.Arbitrary<Partial<AppleReadings>>;

export const anyCiscoReadings: fc.Arbitrary<Partial<CiscoReadings>> = fc
  .record({
    certificatePolicyNoneDisables: maybe(fc.boolean()),
    serverAddressInNever: maybe(fc.boolean()),
    leadingDotMatchesApex: maybe(fc.boolean()),
    hostRuleMatchesBelow: maybe(fc.boolean()),
    redirectedIsFailure: maybe(fc.boolean()),
    alwaysFromIos7: maybe(fc.constantFrom('if-needed', 'immediate')),
  })
  .map(present) as fc.Arbitrary<Partial<CiscoReadings>>;

export const anyGlobalProtectReadings: fc.Arbitrary<Partial<GlobalProtectReadings>> = fc
  .record({
    preLogonElsewhere: maybe(fc.constantFrom('fall-back', 'invalid')),
    linux: maybe(fc.constantFrom('all-but-pre-logon', 'unsupported')),
    samlUnknownOnIos: maybe(fc.constantFrom('not-saml', 'unknown')),
    ticketOnAndroid: maybe(fc.constantFrom('invalid', 'challenge')),
    machineCertUnknownAtLogin: maybe(fc.constantFrom('present', 'unknown')),
    zeroUserOverrides: maybe(fc.constantFrom('no-limit', 'none')),
  })
  .map(present) as fc.Arbitrary<Partial<GlobalProtectReadings>>;

const ciscoRules = fc.option(
  some(['example.com', '.example.com', '.eng.example.com', 'Example.COM', 'x-example.com', '']),
  {
    nil: null,
    freq: 4,
  },
);

export const anyCiscoProfile: fc.Arbitrary<CiscoProfile> = fc
  .record({
    CertificatePolicy: fc.constantFrom('Auto', 'Auto', 'Manual', 'None', 'Automatic', 'Disabled', null),
    ConnectOnDemand: fc.constantFrom(true, true, true, true, false, null),
    Always: fc.oneof({ weight: 9, arbitrary: ciscoRules }, { weight: 1, arbitrary: fc.constant(['10.0.0.1']) }),
    Never: ciscoRules,
    IfNeeded: ciscoRules,
    serverAddress: maybe(fc.constantFrom('eng.example.com', 'https://Example.com/group', '10.0.0.1')),
  })
  .map(present) as fc.Arbitrary<CiscoProfile>;

export const anyCiscoContext: fc.Arbitrary<CiscoContext> = fc
  .record({
    host: fc.constantFrom(...names, '10.0.0.1'),
    dns: fc.constantFrom('resolved', 'nxdomain', 'timeout', 'redirected'),
    platform: maybe(fc.record({ iosMajor: fc.constantFrom(5, 6, 7, 17) })),
  })
  .map(present) as fc.Arbitrary<CiscoContext>;

export const anyGlobalProtectPolicy: fc.Arbitrary<GlobalProtectPolicy> = fc.record({
  connectMethod: fc.constantFrom('on-demand', 'user-logon', 'pre-logon', 'pre-logon-then-on-demand'),
  override: fc.constantFrom('allow', 'with-comment', 'with-passcode', 'with-ticket', 'disabled'),
  timeoutMin: fc.constantFrom(0, 30),
  maxUserOverrides: fc.constantFrom(0, 2),
  showIcon: fc.constantFrom(true, true, true, false),
});

export const anyGlobalProtectContext: fc.Arbitrary<GlobalProtectContext> = fc.record({
  platform: fc.constantFrom('windows', 'macos', 'linux', 'ios', 'android', 'chromeos', 'chromeos-android-app'),
  event: fc.constantFrom('boot', 'user-login', 'user-connect', 'user-disconnect'),
  auth: fc.constantFrom('saml', 'ldap'),
  machineCert: fc.boolean(),
  used: fc.constantFrom(0, 1, 2, 3),
});
