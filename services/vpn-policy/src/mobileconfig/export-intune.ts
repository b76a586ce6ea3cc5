import { type AppleRule, appleDictionary } from '@quell/contracts/vpn-apple';
import { dictionaryOf } from '@quell/contracts/vpn-dictionary';
import type { VpnExportRequest } from '@quell/contracts/vpn-formats';
import { lintApple } from '../lint/lint-apple.ts';
import { type Exported, hasErrors, LINT_REFUSES } from './export.ts';

type IntuneTarget = Extract<VpnExportRequest, { target: 'intune' }>;

/**
 * The rules as `onDemandRules` of Microsoft Graph's Apple VPN configurations (`vpnOnDemandRule`): one entry of domains per rule, no
 * required DNS servers, no Allow, no lists. A policy that needs more is refused, with LOSSY_EXPORT naming each place: half of a policy is
 * another policy. Intune also takes a .mobileconfig as a custom profile, which holds everything.
 */
export function exportIntune({ policies, dialect, acceptFindings }: IntuneTarget): Exported {
  const [policy = {}] = policies;
  const { dictionary, base } = dictionaryOf(policy);
  const findings = lintApple(policy, dialect).findings.map((finding) => ({ ...finding, policy: 0 }));
  const remarks = [
    { policy: 0, place: base, text: 'rules only: Intune has the connection settings and the switch elsewhere' },
  ];
  const refused = (text: string): Exported => ({ result: 'refused', text, findings, remarks });
  const read = appleDictionary.safeParse(dictionary);
  if (!read.success || hasErrors(findings, acceptFindings)) return refused(LINT_REFUSES);
  if (findings.some(({ rule }) => rule === 'LOSSY_EXPORT'))
    return refused('Intune cannot hold it: LOSSY_EXPORT says where');
  const lists = Object.entries(read.data).filter(([key, list]) => key.startsWith('OnDemandMatchDomains') && list);
  if (lists.length > 0) return refused('Intune has rules only: convert the lists from before iOS 7 first');
  if (read.data.OnDemandEnabled !== 1) return refused('on demand is switched off, and rules in Intune are never');
  const onDemandRules = (read.data.OnDemandRules ?? []).map(rule);
  const content = new TextEncoder().encode(`${JSON.stringify({ onDemandRules }, null, 2)}\n`);
  return { result: 'exported', mediaType: 'application/json', content, findings, remarks };
}

const interfaces = { WiFi: 'wiFi', Ethernet: 'ethernet', Cellular: 'cellular' } as const;
const actions = {
  Connect: 'connect',
  Disconnect: 'disconnect',
  Ignore: 'ignore',
  EvaluateConnection: 'evaluateConnection',
} as const;

function rule(one: AppleRule) {
  const entry = one.Action === 'EvaluateConnection' ? one.ActionParameters?.[0] : undefined;
  return {
    action: actions[one.Action as keyof typeof actions],
    interfaceTypeMatch: one.InterfaceTypeMatch === undefined ? 'notConfigured' : interfaces[one.InterfaceTypeMatch],
    ssids: one.SSIDMatch ?? [],
    dnsSearchDomains: one.DNSDomainMatch ?? [],
    dnsServerAddressMatch: one.DNSServerAddressMatch ?? [],
    probeUrl: one.URLStringProbe ?? null,
    ...(entry === undefined
      ? {}
      : {
          domainAction: entry.DomainAction === 'NeverConnect' ? 'neverConnect' : 'connectIfNeeded',
          domains: entry.Domains ?? [],
          probeRequiredUrl: entry.RequiredURLStringProbe ?? null,
        }),
  };
}
