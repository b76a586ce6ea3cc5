import type { CiscoProfile } from '@quell/contracts/vpn-cisco';
import type { ExportRemarks, VpnExportRequest } from '@quell/contracts/vpn-formats';
import { isAddress, serverHost } from '../dialects/cisco-anyconnect/match.ts';
import { lintCisco } from '../lint/lint-cisco.ts';
import { type Exported, hasErrors, LINT_REFUSES } from '../mobileconfig/export.ts';
import { lists } from './import.ts';

type CiscoTarget = Extract<VpnExportRequest, { target: 'cisco' }>;
type Entry = CiscoTarget['policies'][number] & { readonly address: string };

/** `Automatic` and `Disabled` are the editor's words for what the schema calls `Auto` and `None`. */
const policies = { Auto: 'Auto', Automatic: 'Auto', Manual: 'Manual', None: 'None', Disabled: 'None' } as const;

/**
 * An AnyConnect profile with one host entry for each policy, elements in the order of AnyConnectProfile.xsd. Errors of lint refuse it.
 * What the profile says beside on demand is not in it: merge the host entries into the one that is deployed.
 */
export function exportCiscoProfile(target: CiscoTarget): Exported {
  const findings: ExportRemarks['findings'] = [];
  const remarks: ExportRemarks['remarks'] = [
    { policy: null, place: '', text: 'host entries only: merge them into the profile that is deployed' },
  ];
  const entries = target.policies.map((entry, policy) => {
    findings.push(...lintCisco(entry.profile).findings.map((finding) => ({ ...finding, policy })));
    const { added, profile } = withServerInNever(entry.profile);
    if (added === 'added')
      remarks.push({
        policy,
        place: '/Never',
        text: 'the server is in it, as the editor writes it: names under it too',
      });
    if (added === 'address')
      remarks.push({ policy, place: '/Never', text: 'the server is an IP address, which no list takes' });
    return { ...entry, profile, address: entry.address ?? entry.profile.serverAddress ?? entry.name };
  });
  const texts = entries.flatMap(({ name, address, profile }) => [
    name,
    address,
    ...lists.flatMap(([, list]) => profile[list] ?? []),
  ]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 has no way to write these.
  if (texts.some((text) => !text.isWellFormed() || /[\u0000-\u001f\ufffe\uffff]/.test(text) || text !== text.trim())) {
    return { result: 'refused', text: 'a text that the profile cannot hold', findings, remarks };
  }
  if (hasErrors(findings, target.acceptFindings)) return { result: 'refused', text: LINT_REFUSES, findings, remarks };
  const content = new TextEncoder().encode(writeCiscoProfile(entries));
  return { result: 'exported', mediaType: 'application/xml', content, findings, remarks };
}

/** The server as a rule of Never, which is how a profile says it. */
function withServerInNever(profile: CiscoProfile): { added: 'no' | 'added' | 'address'; profile: CiscoProfile } {
  const { serverAddress, ...rest } = profile;
  if (serverAddress === undefined) return { added: 'no', profile: rest };
  const host = serverHost(serverAddress);
  if (isAddress(host)) return { added: 'address', profile: rest };
  const never = rest.Never ?? [];
  return never.includes(host)
    ? { added: 'no', profile: rest }
    : { added: 'added', profile: { ...rest, Never: [...never, host] } };
}

/** The XML, without a look at what the policies say. */
export function writeCiscoProfile(entries: readonly Entry[]): string {
  const hosts = entries.map(({ name, address, profile, activateOnImport }) => [
    open('HostEntry', 2),
    leaf('HostName', name, 3),
    leaf('HostAddress', address, 3),
    open('MobileHostEntryInfo', 3),
    ...(profile.CertificatePolicy == null ? [] : [leaf('CertificatePolicy', policies[profile.CertificatePolicy], 4)]),
    ...(profile.ConnectOnDemand == null ? [] : [leaf('ConnectOnDemand', String(profile.ConnectOnDemand), 4)]),
    ...lists.flatMap(([element, list]) => {
      const rules = profile[list];
      if (rules == null) return [];
      return [open(element, 4), ...rules.map((rule) => leaf('OnDemandDNSMatch', rule, 5)), close(element, 4)];
    }),
    leaf('ActivateOnImport', String(activateOnImport), 4),
    close('MobileHostEntryInfo', 3),
    close('HostEntry', 2),
  ]);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<AnyConnectProfile xmlns="http://schemas.xmlsoap.org/encoding/">',
    open('ServerList', 1),
    ...hosts.flat(),
    close('ServerList', 1),
    '</AnyConnectProfile>',
    '',
  ].join('\n');
}

const open = (name: string, depth: number) => `${'\t'.repeat(depth)}<${name}>`;
const close = (name: string, depth: number) => `${'\t'.repeat(depth)}</${name}>`;
const leaf = (name: string, text: string, depth: number) =>
  `${open(name, depth)}${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</${name}>`;
