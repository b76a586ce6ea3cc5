import { expect, test } from '@jest/globals';
import { vpnLintAnswer } from '@quell/contracts/vpn-lint';
import { lintApple } from './lint-apple.ts';
import { lintDnsSettings } from './lint-dns-settings.ts';

const PayloadType = 'com.apple.vpn.managed';
const rules = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] };
const found = (policy: object) =>
  vpnLintAnswer.parse(lintApple(policy)).findings.map(({ rule, place, severity }) => [rule, place, severity]);

test.each([
  [
    'VPN without its app',
    { PayloadType, VPNType: 'VPN', VPN: rules },
    ['MISSING_REQUIRED_KEY', '/VPNSubType', 'warning'],
  ],
  ['a type that is none', { PayloadType, VPNType: 'PPTP', VPN: rules }, ['UNKNOWN_ENUM', '/VPNType', 'error']],
  [
    'lists where there are rules alone',
    { VPNType: 'IKEv2', IKEv2: { ...rules, OnDemandMatchDomainsNever: [] } },
    ['KEY_NOT_APPLICABLE', '/IKEv2/OnDemandMatchDomainsNever', 'warning'],
  ],
  [
    'a switch that IPSec does not have',
    { VPNType: 'IPSec', IPSec: { ...rules, OnDemandUserOverrideDisabled: 1 } },
    ['KEY_NOT_APPLICABLE', '/IPSec/OnDemandUserOverrideDisabled', 'warning'],
  ],
  [
    'a timer that nothing starts',
    { VPNType: 'IKEv2', IKEv2: { ...rules, DisconnectOnIdleTimer: 60 } },
    ['KEY_NOT_APPLICABLE', '/IKEv2/DisconnectOnIdleTimer', 'warning'],
  ],
  [
    'rules beside AlwaysOn',
    { PayloadType, VPNType: 'AlwaysOn', AlwaysOn: {}, ...rules },
    ['KEY_NOT_APPLICABLE', '/OnDemandRules', 'warning'],
  ],
  ['a payload without its type', { PayloadType, VPN: rules }, ['MISSING_REQUIRED_KEY', '/VPNType', 'error']],
  [
    'rules of another type',
    { PayloadType, VPNType: 'IKEv2', VPN: rules },
    ['MISPLACED_KEY', '/VPN/OnDemandEnabled', 'error'],
  ],
  [
    'rules of another type beside its own',
    { PayloadType, VPNType: 'IKEv2', VPN: rules, IKEv2: rules },
    ['MISPLACED_KEY', '/VPN/OnDemandEnabled', 'error'],
  ],
  [
    'rules of a type that has none',
    { PayloadType, VPNType: 'L2TP', PPP: {}, ...rules },
    ['MISPLACED_KEY', '/OnDemandEnabled', 'error'],
  ],
  [
    'rules in the dictionary of a type that has none',
    { PayloadType, VPNType: 'L2TP', PPP: rules, IPSec: {} },
    ['MISPLACED_KEY', '/PPP/OnDemandEnabled', 'error'],
  ],
])('%s is found', (_what, policy, finding) => {
  expect(found(policy)).toContainEqual(finding);
});

test('the fix of a misplaced key makes the dictionary that it goes into', () => {
  const [{ fix } = { fix: null }] = lintApple({ PayloadType, VPNType: 'IKEv2', VPN: { OnDemandEnabled: 1 } }).findings;
  expect(fix?.patch).toEqual([
    { op: 'add', path: '/IKEv2', value: {} },
    { op: 'remove', path: '/VPN/OnDemandEnabled' },
    { op: 'add', path: '/IKEv2/OnDemandEnabled', value: 1 },
  ]);
});

test('a payload that has what it needs, and a dictionary by itself, have no finding', () => {
  const idle = { ...rules, DisconnectOnIdle: 1, DisconnectOnIdleTimer: 60 };
  for (const policy of [rules, { PayloadType, VPNType: 'VPN', VPNSubType: 'org.example.app', VPN: idle }]) {
    expect(found(policy)).toEqual([]);
  }
});

test('rules of a DNS payload know no switch, no Ignore and no Allow, and none at all is well', () => {
  const dns = (payload: object) => lintDnsSettings(payload).findings.map(({ rule, place }) => [rule, place]);
  expect(dns({ DNSSettings: {} })).toEqual([]);
  expect(dns({ OnDemandRules: [{ Action: 'Disconnect', SSIDMatch: ['Home'] }, { Action: 'Connect' }] })).toEqual([]);
  expect(dns({ OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Allow' }] })).toEqual([
    ['KEY_NOT_APPLICABLE', '/OnDemandEnabled'],
    ['UNKNOWN_ENUM', '/OnDemandRules/0/Action'],
  ]);
  expect(dns({ OnDemandRules: [{ Action: 'Disconnect', SSIDMatch: ['Home'] }] })).toEqual([
    ['MISSING_CATCHALL', '/OnDemandRules'],
  ]);
  expect(dns({ OnDemandRules: [{ Action: 'Connect', SSIDMatch: 'Home' }] })).toEqual([
    ['WRONG_TYPE', '/OnDemandRules/0/SSIDMatch'],
  ]);
});
