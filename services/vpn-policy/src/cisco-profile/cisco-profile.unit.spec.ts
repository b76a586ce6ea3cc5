import { expect, test } from '@jest/globals';
import type { CiscoProfile } from '@quell/contracts/vpn-cisco';
import { importedCiscoProfile, vpnExportRequest } from '@quell/contracts/vpn-formats';
import fc from 'fast-check';
import { serverHost } from '../dialects/cisco-anyconnect/match.ts';
import { diffCisco } from '../diff/diff-cisco.ts';
import { anyCiscoProfile } from '../evaluation/requests.arbitrary.ts';
import { exportCiscoProfile, writeCiscoProfile } from './export.ts';
import { importCiscoProfile } from './import.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const profile = (entries: string) => `<?xml version="1.0" encoding="UTF-8"?>
<AnyConnectProfile xmlns="http://schemas.xmlsoap.org/encoding/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://schemas.xmlsoap.org/encoding/ AnyConnectProfile.xsd">
<ClientInitialization><AutoReconnect UserControllable="true">true</AutoReconnect></ClientInitialization>
<ServerList>
${entries}
</ServerList>
</AnyConnectProfile>`;
const entry = (mobile: string, name = 'Head office') => `<HostEntry>
<HostName>${name}</HostName>
<HostAddress>vpn.example.com</HostAddress>
<UserGroup>staff</UserGroup>
<MobileHostEntryInfo>
${mobile}
</MobileHostEntryInfo>
</HostEntry>`;
const onDemand = `<NetworkRoaming>true</NetworkRoaming>
<CertificatePolicy>Manual</CertificatePolicy>
<ConnectOnDemand>true</ConnectOnDemand>
<AlwaysConnectDomainList/>
<NeverConnectDomainList><OnDemandDNSMatch>vpn.example.com</OnDemandDNSMatch></NeverConnectDomainList>
<ConnectIfNeededDomainList>
<OnDemandDNSMatch>.internal.example.com</OnDemandDNSMatch>
<OnDemandDNSMatch>*.example.org</OnDemandDNSMatch>
</ConnectIfNeededDomainList>
<ActivateOnImport>true</ActivateOnImport>`;
const imported = (text: string) => {
  const answer = importCiscoProfile(bytes(text));
  if (answer.result === 'refused') throw new Error(JSON.stringify(answer));
  return importedCiscoProfile.parse(answer);
};

test('each host entry becomes a policy, and what has no part in on demand is named', () => {
  const text = profile(
    `${entry(onDemand)}\n${entry('', 'Branch')}\n<HostEntry><HostName>desktop.example.com</HostName></HostEntry>`,
  );
  const { policies, notModelled } = imported(text);
  expect(policies).toMatchObject([
    {
      name: 'Head office',
      address: 'vpn.example.com',
      activateOnImport: true,
      at: { line: 6, column: 1 },
      profile: {
        CertificatePolicy: 'Manual',
        ConnectOnDemand: true,
        Always: [],
        Never: ['vpn.example.com'],
        IfNeeded: ['.internal.example.com', '*.example.org'],
      },
      findings: [{ rule: 'WILDCARD_NOT_SUPPORTED', place: '/IfNeeded/1', at: { line: 18, column: 1 } }],
    },
    { name: 'Branch', profile: {}, activateOnImport: false },
  ]);
  expect(notModelled).toEqual([
    { path: '/ClientInitialization', count: 1 },
    { path: '/ServerList/HostEntry/UserGroup', count: 2 },
    { path: '/ServerList/HostEntry/MobileHostEntryInfo/NetworkRoaming', count: 1 },
    { path: '/ServerList/HostEntry without MobileHostEntryInfo', count: 1 },
  ]);
});

/** What is wrong, what it is refused as, and the text at which. */
const refusals: readonly (readonly [string, string, string, string])[] = [
  [
    'a DOCTYPE',
    'malformed',
    '<!DOCTYPE',
    profile('').replace('<AnyConnectProfile', '<!DOCTYPE a SYSTEM "a.dtd">\n<AnyConnectProfile'),
  ],
  ['an entity', 'malformed', '&host;', profile(entry(onDemand, '&host;'))],
  ['another root', 'not-a-profile', '<plist', '<?xml version="1.0"?>\n<plist/>'],
  [
    'a word that the schema does not have',
    'malformed',
    '<CertificatePolicy',
    profile(entry(onDemand.replace('Manual', 'Maybe'))),
  ],
  [
    'a boolean that is none',
    'malformed',
    '<ConnectOnDemand',
    profile(entry(onDemand.replace('>true</ConnectOnDemand', '>1</ConnectOnDemand'))),
  ],
  [
    'two of what there is one of',
    'malformed',
    '<ConnectOnDemand>false',
    profile(entry(`${onDemand}<ConnectOnDemand>false</ConnectOnDemand>`)),
  ],
  ['a host without a name', 'malformed', '<HostEntry', profile('<HostEntry></HostEntry>')],
  ['text between elements', 'malformed', 'stray', profile(`${entry(onDemand)}stray`)],
  [
    'a variable',
    'template',
    '<OnDemandDNSMatch>{{domain',
    profile(entry(onDemand.replace('*.example.org', '{{domain}}'))),
  ],
  [
    'another element in a list',
    'malformed',
    '<Match',
    profile(
      entry(
        onDemand.replace('<AlwaysConnectDomainList/>', '<AlwaysConnectDomainList><Match/></AlwaysConnectDomainList>'),
      ),
    ),
  ],
];
test.each(refusals)('%s is refused as %s, with its line', (_what, reason, found, text) => {
  const { length: line } = text.slice(0, text.indexOf(found)).split('\n');
  expect(importCiscoProfile(bytes(text))).toMatchObject({ result: 'refused', reason, at: { line } });
});

test('too many host entries and too deep elements are refused', () => {
  const many = Array.from({ length: 201 }, () => entry('')).join('');
  for (const text of [profile(many), profile('<a>'.repeat(1_000))]) {
    expect(importCiscoProfile(bytes(text))).toMatchObject({ result: 'refused', reason: 'too-large' });
  }
});

const words = { Automatic: 'Auto', Disabled: 'None' } as const;

test('as many host entries as an import takes, an export takes, too', () => {
  const entries = (count: number) => Array.from({ length: count }, (_, at) => entry(onDemand, `Office ${at}`)).join('');
  const asked = (text: string, more: object[] = []) =>
    vpnExportRequest.safeParse({
      target: 'cisco',
      policies: [...imported(text).policies.map(({ name, profile: policy }) => ({ name, profile: policy })), ...more],
    });
  expect(asked(profile(entries(200))).success).toBe(true);
  expect(asked(profile(entries(200)), [{ name: 'One more', profile: {} }]).success).toBe(false);
});

test('import(export(profile)) is the profile, in the schema’s own words', () => {
  fc.assert(
    fc.property(anyCiscoProfile, fc.boolean(), ({ serverAddress: _, ...given }, activateOnImport) => {
      const text = writeCiscoProfile([
        { name: 'Office & <Lab>', address: 'vpn.example.com', profile: given, activateOnImport },
      ]);
      const [policy] = imported(text).policies;
      const { CertificatePolicy: word, ...rest } = given;
      const kept = Object.fromEntries(Object.entries(rest).filter(([, value]) => value != null));
      expect(policy).toMatchObject({ name: 'Office & <Lab>', address: 'vpn.example.com', activateOnImport });
      expect(policy?.profile).toEqual({
        ...kept,
        ...(word == null ? {} : { CertificatePolicy: words[word as keyof typeof words] ?? word }),
      });
      expect(diffCisco(given, policy?.profile ?? {}).result).toBe('equal');
    }),
    { numRuns: 200 },
  );
});

test('an export decides as the policy did, but for a server whose address no list can hold', () => {
  fc.assert(
    fc.property(anyCiscoProfile, (given: CiscoProfile) => {
      const file = exportCiscoProfile({
        target: 'cisco',
        policies: [{ name: 'Office', profile: given, activateOnImport: false }],
        acceptFindings: [],
      });
      if (file.result === 'refused') return expect(file.findings.map(({ severity }) => severity)).toContain('error');
      const [policy] = imported(new TextDecoder().decode(file.content)).policies;
      const difference = diffCisco(given, policy?.profile ?? {});
      if (difference.result !== 'different') return;
      const server = serverHost(given.serverAddress ?? '');
      // An address stands in no list: it can be exported as the host's address only.
      expect(server).toMatch(/^[\d.]+$/);
      for (const { witness } of difference.differences) expect(witness.host).toBe(server);
    }),
    { numRuns: 200 },
  );
});

test('no bytes make the import throw', () => {
  const file = Buffer.from(profile(`${entry(onDemand)}${entry(onDemand, 'Branch')}`));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(20)), { maxLength: 4 }), (changes) => {
      const changed = changes.reduce<Buffer>((whole, [at, byte, cut]) => {
        const place = whole.length === 0 ? 0 : at % whole.length;
        return Buffer.concat([whole.subarray(0, place), Buffer.from([byte]), whole.subarray(place + cut)]);
      }, file);
      const answer = importCiscoProfile(changed);
      if (answer.result === 'imported') importedCiscoProfile.parse(answer);
    }),
    { numRuns: 500 },
  );
});
