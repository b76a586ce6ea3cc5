import { expect, test } from '@jest/globals';
import type { AppleContext } from '@quell/contracts/vpn-apple';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { writeMobileconfig } from './export.ts';
import { exportIntune } from './export-intune.ts';
import { importMobileconfig } from './import.ts';
import { bytes, profile, vpn, xml } from './profile.fixture.ts';

/** Rules as some apps and generators write them, in values of our own. */
const apps = {
  wireGuard: {
    type: 'VPN',
    keys: {
      OnDemandEnabled: 1,
      OnDemandRules: [
        { Action: 'Disconnect', InterfaceTypeMatch: 'WiFi', SSIDMatch: ['Office', 'Lab'] },
        { Action: 'Connect', InterfaceTypeMatch: 'WiFi' },
        { Action: 'Connect', InterfaceTypeMatch: 'Cellular' },
      ],
    },
  },
  strongSwan: {
    type: 'IKEv2',
    keys: {
      OnDemandEnabled: 1,
      OnDemandRules: [
        { Action: 'Disconnect', SSIDMatch: ['Office'] },
        {
          Action: 'EvaluateConnection',
          ActionParameters: [{ Domains: ['*.internal.example.com'], DomainAction: 'ConnectIfNeeded' }],
        },
        { Action: 'Ignore' },
      ],
    },
  },
  tailnet: { type: 'VPN', keys: { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] } },
  exceptionsThenRest: {
    type: 'VPN',
    keys: {
      OnDemandEnabled: 1,
      OnDemandRules: [
        { Action: 'Disconnect', InterfaceTypeMatch: 'Ethernet' },
        { Action: 'Disconnect', SSIDMatch: ['Office'] },
        { Action: 'Connect' },
      ],
    },
  },
  captiveProbe: {
    type: 'IKEv2',
    keys: {
      OnDemandEnabled: 0,
      OnDemandRules: [
        { Action: 'Connect', InterfaceTypeMatch: 'WiFi', URLStringProbe: 'http://captive.example.com/hotspot.html' },
        { Action: 'Disconnect', InterfaceTypeMatch: 'Cellular' },
        { Action: 'Ignore' },
      ],
    },
  },
} as const;
type App = keyof typeof apps;

const read = async (app: App) => {
  const { type, keys } = apps[app];
  const text = profile(
    vpn('', { type, more: '<key>VPNSubType</key><string>org.example.app</string>' }).replace(
      '<dict>\n\n</dict>',
      xml(keys),
    ),
  );
  const answer = await importMobileconfig(bytes(text));
  const [policy] = answer.result === 'imported' ? answer.policies : [];
  if (policy?.payload == null) throw new Error(JSON.stringify(answer));
  return { ...policy, payload: policy.payload };
};
const on = (network: AppleContext['network'], more: AppleContext = {}): AppleContext => ({
  vpn: 'disconnected',
  network: { ssid: null, searchDomains: [], dnsServers: [], primaryIsVirtual: false, ...network },
  ...more,
});
const wifi = (ssid: string, more: AppleContext = {}) => on({ interface: 'WiFi', ssid }, more);
const cellular = on({ interface: 'Cellular' });
const wired = on({ interface: 'Ethernet' });
const internal = { connection: { host: 'git.internal.example.com', dns: 'nxdomain' } } as const;

const decisions: readonly (readonly [App, readonly (readonly [AppleContext, string])[]])[] = [
  [
    'wireGuard',
    [
      [wifi('Lab'), 'disconnect'],
      [wifi('Cafe'), 'connect'],
      [cellular, 'connect'],
      [wired, 'no-trigger'],
    ],
  ],
  [
    'strongSwan',
    [
      [wifi('Office'), 'disconnect'],
      [wifi('Cafe', internal), 'connect'],
      [cellular, 'evaluate'],
    ],
  ],
  [
    'tailnet',
    [
      [wired, 'connect'],
      [cellular, 'connect'],
    ],
  ],
  [
    'exceptionsThenRest',
    [
      [wired, 'disconnect'],
      [wifi('Office'), 'disconnect'],
      [cellular, 'connect'],
    ],
  ],
  [
    'captiveProbe',
    [
      [wifi('Cafe'), 'disabled'],
      [cellular, 'disabled'],
    ],
  ],
];
test.each(decisions)('%s: what is imported decides as its app does', async (app, cases) => {
  const { payload } = await read(app);
  expect(payload).toEqual(apps[app].keys);
  for (const [context, decision] of cases) expect(evaluateApple(payload, context).decision).toBe(decision);
});

test.each(Object.keys(apps) as App[])('%s: export and import give the policy back', async (app) => {
  const { document, payload } = await read(app);
  for (const binary of [false, true]) {
    const file = writeMobileconfig([document], { name: 'Example', identifier: 'org.example.vpn', binary });
    if ('text' in file) throw new Error(file.text);
    expect(await importMobileconfig(file.content)).toMatchObject({ policies: [{ payload, document }] });
  }
});

test('lint says what each app leaves open', async () => {
  const rules = async (app: App) => (await read(app)).findings.map(({ rule }) => rule);
  expect(await rules('wireGuard')).toContain('MISSING_CATCHALL');
  expect(await rules('captiveProbe')).toEqual(
    expect.arrayContaining(['RULES_PRESENT_BUT_DISABLED', 'PROBE_NOT_HTTPS']),
  );
  expect(await rules('strongSwan')).toContain('SHADOWED_BY_CATCHALL');
  expect(await rules('tailnet')).toEqual([]);
});

const intune = (OnDemandRules: unknown[], more = {}) =>
  exportIntune({
    target: 'intune',
    policies: [{ OnDemandEnabled: 1, OnDemandRules, ...more }],
    dialect: 'apple-mdm',
    acceptFindings: [],
  });

test('Intune gets the rules that it can hold', () => {
  const file = intune([
    { Action: 'Disconnect', InterfaceTypeMatch: 'WiFi', SSIDMatch: ['Office'], DNSServerAddressMatch: ['10.*'] },
    {
      Action: 'EvaluateConnection',
      ActionParameters: [{ Domains: ['example.com'], DomainAction: 'NeverConnect' }],
    },
  ]);
  const content = file.result === 'exported' ? JSON.parse(new TextDecoder().decode(file.content)) : file;
  expect(content).toEqual({
    onDemandRules: [
      {
        action: 'disconnect',
        interfaceTypeMatch: 'wiFi',
        ssids: ['Office'],
        dnsSearchDomains: [],
        dnsServerAddressMatch: ['10.*'],
        probeUrl: null,
      },
      {
        action: 'evaluateConnection',
        interfaceTypeMatch: 'notConfigured',
        ssids: [],
        dnsSearchDomains: [],
        dnsServerAddressMatch: [],
        probeUrl: null,
        domainAction: 'neverConnect',
        domains: ['example.com'],
        probeRequiredUrl: null,
      },
    ],
  });
});

test('Intune gets nothing of a policy that it cannot hold, and the places are named', () => {
  const entry = (more = {}) => ({ Domains: ['example.com'], DomainAction: 'ConnectIfNeeded', ...more });
  const evaluating = (...ActionParameters: unknown[]) => [{ Action: 'EvaluateConnection', ActionParameters }];
  const lossy = [
    [evaluating(entry(), { ...entry(), Domains: ['example.org'] }), '/OnDemandRules/0/ActionParameters/1'],
    [
      evaluating(entry({ RequiredDNSServers: ['10.0.0.53'] })),
      '/OnDemandRules/0/ActionParameters/0/RequiredDNSServers',
    ],
    [[{ Action: 'Allow' }], '/OnDemandRules/0/Action'],
  ] as const;
  for (const [rules, place] of lossy) {
    expect(intune([...rules])).toMatchObject({
      result: 'refused',
      text: expect.stringContaining('LOSSY_EXPORT'),
      findings: expect.arrayContaining([expect.objectContaining({ rule: 'LOSSY_EXPORT', place })]),
    });
  }
  expect(intune([{ Action: 'Connect' }], { OnDemandMatchDomainsNever: ['a.example'] })).toMatchObject({
    result: 'refused',
  });
  expect(intune([{ Action: 'Connect' }], { OnDemandEnabled: 0 })).toMatchObject({ result: 'refused' });
});
