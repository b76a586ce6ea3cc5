import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { importedMobileconfig } from '@quell/contracts/vpn-formats';
import { buildBinary } from 'plist';
import { importMobileconfig } from './import.ts';
import { bytes, profile, vpn } from './profile.fixture.ts';
import { inPieces, signed, signerFor } from './signed.fixture.ts';

const rules = `<key>OnDemandEnabled</key><integer>1</integer>
<key>OnDemandRules</key>
<array>
<dict><key>Action</key><string>Disconnect</string><key>SSIDMatch</key><array><string>Home</string></array></dict>
<dict><key>Action</key><string>Connect</string></dict>
</array>`;
const payload = {
  OnDemandEnabled: 1,
  OnDemandRules: [{ Action: 'Disconnect', SSIDMatch: ['Home'] }, { Action: 'Connect' }],
};
const fixture = (name: string) => readFileSync(new URL(`../../test/fixtures/${name}`, import.meta.url));
const imported = async (content: Uint8Array | string) => {
  const answer = await importMobileconfig(typeof content === 'string' ? bytes(content) : content);
  if (answer.result === 'refused') throw new Error(JSON.stringify(answer));
  return importedMobileconfig.parse(answer);
};
const refused = async (content: Uint8Array | string) => {
  const answer = await importMobileconfig(typeof content === 'string' ? bytes(content) : content);
  return answer.result === 'refused' ? { reason: answer.reason, text: answer.text, at: answer.at } : answer.result;
};

test('the on-demand keys are found inside the dictionary that VPNType names', async () => {
  for (const type of ['VPN', 'IPSec', 'IKEv2', 'TransparentProxy']) {
    const { policies, signature, format, profile: about } = await imported(profile(vpn(rules, { type })));
    expect(policies).toMatchObject([{ base: `/${type}`, payload, name: 'Office', index: 0, withheld: [] }]);
    expect({ signature, format, about }).toEqual({
      signature: { signed: false },
      format: 'plist-xml',
      about: { name: 'Example', identifier: 'org.example.profile' },
    });
  }
});

test('several payloads come apart, and those that are no VPN are named by their type alone', async () => {
  const wifi =
    '<dict><key>PayloadType</key><string>com.apple.wifi.managed</string><key>Password</key><string>x</string></dict>';
  const applayer = vpn(rules).replace('com.apple.vpn.managed', 'com.apple.vpn.managed.applayer');
  const dns = `<dict><key>PayloadType</key><string>com.apple.dnsSettings.managed</string>
<key>OnDemandRules</key><array><dict><key>Action</key><string>Ignore</string></dict></array></dict>`;
  const answer = await imported(profile([vpn(rules), wifi, applayer, dns].join('\n')));
  expect(answer.policies.map(({ payloadType, index }) => [payloadType, index])).toEqual([
    ['com.apple.vpn.managed', 0],
    ['com.apple.vpn.managed.applayer', 2],
    ['com.apple.dnsSettings.managed', 3],
  ]);
  expect(answer.otherPayloads).toEqual(['com.apple.wifi.managed']);
  expect(answer.policies[2]).toMatchObject({
    payload: null,
    findings: [{ rule: 'UNKNOWN_ENUM', place: '/OnDemandRules/0/Action' }],
  });
});

test('a finding of lint names its line and column', async () => {
  const text = profile(vpn(rules.replace('<string>Home</string>', '<string>Corp*</string>')));
  const { policies } = await imported(text);
  const [finding] = policies[0]?.findings.filter(({ rule }) => rule === 'WILDCARD_NOT_SUPPORTED_IN_SSID') ?? [];
  const line = text.split('\n').findIndex((one) => one.includes('Corp*'));
  expect(finding).toMatchObject({
    place: '/IKEv2/OnDemandRules/0/SSIDMatch/0',
    at: { line: line + 1, column: (text.split('\n')[line]?.indexOf('<string>Corp*') ?? 0) + 1 },
  });
});

test('keys at the top of the payload decide nothing, also where the dictionary is missing', async () => {
  const outside = vpn('').replace('<key>IKEv2</key>', `${rules}<key>IKEv2</key>`);
  for (const text of [outside, outside.replace(/<key>IKEv2<\/key>\n<dict>\n\n<\/dict>/, '')]) {
    const [policy] = (await imported(profile(text))).policies;
    expect(policy).toMatchObject({ base: '/IKEv2', payload: {}, findings: [{ rule: 'MISPLACED_KEY' }] });
  }
});

test('XML comes with a byte order mark, in UTF-16 either way round, in Latin-1', async () => {
  const text = profile(vpn(rules.replace('Home', 'Café')));
  const wanted = { policies: [{ payload: { OnDemandRules: [{ SSIDMatch: ['Café'] }, {}] } }] };
  const little = Buffer.from(`\ufeff${text}`, 'utf16le');
  expect(await imported(`\ufeff${text}`)).toMatchObject(wanted);
  expect(await imported(little)).toMatchObject(wanted);
  expect(await imported(Buffer.from(text, 'utf16le').swap16())).toMatchObject(wanted);
  expect(await imported(Buffer.from(text.replace('UTF-8', 'ISO-8859-1'), 'latin1'))).toMatchObject(wanted);
  const lines = text.slice(0, text.indexOf('é')).split('\n');
  expect(await refused(Buffer.from(text, 'latin1'))).toMatchObject({
    reason: 'malformed',
    at: { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 },
  });
  expect(await refused(text.replace('UTF-8', 'EBCDIC'))).toMatchObject({ reason: 'unsupported' });
});

test('a binary property list is read to the same policy', async () => {
  const root = {
    PayloadType: 'Configuration',
    PayloadContent: [{ PayloadType: 'com.apple.vpn.managed', VPNType: 'VPN', VPN: payload }],
  };
  expect(await imported(buildBinary(root))).toMatchObject({
    format: 'plist-binary',
    policies: [{ payload, base: '/VPN', findings: expect.anything() }],
  });
});

test.each(['ECDSA', 'RSA'] as const)('a signature by %s is checked apart from what is signed', async (kind) => {
  const signer = await signerFor(kind);
  const text = bytes(profile(vpn(rules)));
  for (const attributes of [true, false]) {
    const envelope = await signed(text, signer, { attributes });
    const { signature, policies } = await imported(envelope);
    expect(policies).toMatchObject([{ payload }]);
    expect(signature).toMatchObject({
      signed: true,
      verified: true,
      chainTrusted: false,
      signer: { subject: `CN=Test ${kind}`, issuer: `CN=Test ${kind}`, serial: '07' },
    });
    const home = Buffer.from(envelope).indexOf('Home');
    expect(await imported(Buffer.from(envelope).fill('B', home, home + 1))).toMatchObject({
      signature: { signed: true, verified: false, signer: { subject: `CN=Test ${kind}` } },
      policies: [{ payload: { OnDemandRules: [{ SSIDMatch: ['Bome'] }, {}] } }],
    });
  }
  expect(await imported(await signed(text, signer, { withoutCertificate: true }))).toMatchObject({
    signature: { verified: false, signer: null, why: expect.stringContaining('certificate') },
  });
  expect(await refused(await signed(text, signer, { detached: true }))).toMatchObject({ reason: 'malformed' });
});

test('what is verified is what is read: no piece is put in or left out between the two', async () => {
  const signer = await signerFor('ECDSA');
  const network = '\n <string>Guests of floor</string>';
  const text = profile(vpn(rules.replace('<string>Home</string>', `<string>Home</string>${network}`)));
  const cut = text.indexOf(network);
  const [before, after] = [bytes(text.slice(0, cut)), bytes(text.slice(cut))];
  const guests = { OnDemandRules: [{ SSIDMatch: ['Home', 'Guests of floor'] }, {}] };

  // A piece that happens to be BER itself, an ENUMERATED of 32 bytes, is text all the same.
  const split = [before, bytes(network), bytes(text.slice(cut + network.length))];
  // Pieces of pieces are BER, too.
  for (const pieces of [split, [before, [after]], [[before], split.slice(1)]]) {
    for (const attributes of [true, false]) {
      const envelope = await signed(bytes(text), signer, { attributes, eContent: inPieces(pieces) });
      expect(await imported(envelope)).toMatchObject({
        signature: { verified: true },
        policies: [{ payload: guests }],
      });
    }
  }

  const evil = [before, [bytes('<string>Anywhere</string>')], after];
  for (const attributes of [true, false]) {
    const envelope = await signed(bytes(text), signer, { attributes, eContent: inPieces(evil) });
    expect(await imported(envelope)).toMatchObject({ signature: { signed: true, verified: false } });
  }
});

test('files that openssl signed, with lengths left open and content in pieces too, are read and verified', async () => {
  for (const [name, subject] of [
    ['signed-ecdsa-indefinite.mobileconfig', 'CN=Example EC, O=Example'],
    ['signed-rsa.mobileconfig', 'CN=Example RSA'],
    // The signer is named by its key, and another certificate comes along.
    ['signed-rsa-key-id.mobileconfig', 'CN=Example RSA'],
  ] as const) {
    expect(await imported(fixture(name))).toMatchObject({
      profile: { name: 'Signed by openssl' },
      signature: { signed: true, verified: true, signer: { subject } },
      policies: [{ payload: { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] } }],
    });
  }
});

test('what is encrypted is refused, by key and by flag', async () => {
  const key = '<key>EncryptedPayloadContent</key><data>AAAA</data>\n';
  expect(await refused(profile('', key))).toEqual({
    reason: 'encrypted',
    text: 'the payloads are encrypted',
    at: { line: 8, column: 1 },
  });
  expect(await refused(profile('', '<key>IsEncrypted</key><true/>\n'))).toMatchObject({ reason: 'encrypted' });
  expect(await imported(profile('', '<key>IsEncrypted</key><false/>\n'))).toMatchObject({ policies: [] });
});

/** Where in the profile something stands that refuses it, by the text of it. */
const templates: readonly (readonly [string, string, string])[] = [
  ['a Jinja block between elements', '{% for x in ssids %}', vpn(`${rules}\n{% for x in ssids %}`)],
  ['a shell loop in an array', '`for x', vpn(rules.replace('<string>Home</string>', '`for x in $Y; echo $x`'))],
  ['a Jinja network', '<string>{{ ssid }}', vpn(rules.replace('Home', '{{ ssid }}'))],
  ['a shell domain', '<string>$DOMAIN', vpn(rules.replace(/SSIDMatch(.*)Home/, 'DNSDomainMatch$1$DOMAIN'))],
  ['a variable for a number', '<integer>$ENABLED', vpn(rules.replace('>1<', '>$ENABLED<'))],
  ['a variable for an action', '<string>%ACTION%', vpn(rules.replace('Disconnect', '%ACTION%'))],
  ['a variable for the type', '<string>{VpnType}', vpn(rules, { type: 'X' }).replace('<string>X', '<string>{VpnType}')],
  ['a variable as a key', '<key>{{ list }}', vpn(rules.replace('SSIDMatch', '{{ list }}'))],
  ['an ERB tag', '<%', vpn(`<%= rules %>\n${rules}`)],
];
test.each(templates)('%s is refused as a template, with its place', async (_what, found, payloads) => {
  const text = profile(payloads);
  const index = text.indexOf(found);
  const line = text.slice(0, index).split('\n').length;
  expect(await refused(text)).toMatchObject({ reason: 'template', at: { line } });
});

test('a template that does not begin like XML is refused as one', async () => {
  expect(await refused(`{{- define "vpn" -}}\n${profile('')}`)).toMatchObject({ reason: 'template', at: { line: 1 } });
  const headed = `#jinja2:lstrip_blocks: True\n${profile('<string>{{ name }}</string>')}`;
  expect(await refused(headed)).toMatchObject({ reason: 'template', at: { line: 1 } });
  expect(await refused('#!/bin/sh\necho')).toMatchObject({ reason: 'not-a-profile' });
});

test('variables where no decision hangs on them are let in and listed, and so is a network named like one', async () => {
  const own = `<key>AuthName</key><string>$USERNAME</string><key>LocalIdentifier</key><string>{{mail}}</string>\n${rules}`;
  const [policy] = (await imported(profile(vpn(own.replace('Home', 'A$AP</string><string>$HOME'))))).policies;
  expect(policy).toMatchObject({
    variables: ['/IKEv2/AuthName', '/IKEv2/LocalIdentifier', '/IKEv2/OnDemandRules/0/SSIDMatch/1'],
    payload: { OnDemandRules: [{ SSIDMatch: ['A$AP', '$HOME'] }, {}] },
  });
});

/** What is wrong, the text at which it is, and the change that makes it so. */
const malformed: readonly (readonly [string, string, (text: string) => string])[] = [
  ['a key without a value', '<key>Action', (text) => text.replace('<string>Connect</string>', '')],
  [
    'a value without a key',
    '<string>Connect',
    (text) => text.replace('<key>Action</key><string>Connect', '<string>Connect'),
  ],
  [
    'a key that this dictionary already has',
    '<key>Action</key><string>Twice',
    (text) =>
      text.replace('<string>Connect</string>', '<string>Connect</string><key>Action</key><string>Twice</string>'),
  ],
  [
    'text between elements',
    'stray',
    (text) => text.replace('<array>\n<dict><key>Action', '<array>\nstray\n<dict><key>Action'),
  ],
  [
    'an element that property lists do not have',
    '<bool>',
    (text) => text.replace('<integer>1</integer>', '<bool>1</bool>'),
  ],
  ['an element inside a value', '<b>', (text) => text.replace('Home', '<b>Home</b>')],
  ['not an integer', '<integer>one', (text) => text.replace('>1<', '>one<')],
  ['an integer beyond 2^53', '<integer>9', (text) => text.replace('>1<', '>9007199254740993<')],
  ['not base64', '<data>', (text) => text.replace('<integer>1</integer>', '<data>_?</data>')],
  ['not a date', '<date>', (text) => text.replace('<integer>1</integer>', '<date>yesterday</date>')],
];
test.each(malformed)('%s is refused with its line and column', async (reason, found, change) => {
  const text = change(profile(vpn(rules)));
  // The last, where the first of its kind is well.
  const index = text.lastIndexOf(found);
  const lines = text.slice(0, index).split('\n');
  const at = { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
  expect(await refused(text)).toEqual({ reason: 'malformed', text: reason, at });
});

test('entities are not read: a billion laughs ends at the DTD that declares them', async () => {
  const laughs = `<?xml version="1.0"?>
<!DOCTYPE plist [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<plist><string>&b;</string></plist>`;
  expect(await refused(laughs)).toMatchObject({ reason: 'malformed', at: { line: 2 } });
  const text = profile(vpn(rules.replace('Home', '&home;')));
  expect(await refused(text)).toMatchObject({ reason: 'malformed', text: 'an entity that is not defined' });
});

test('what is too large, too deep or too many is refused before it is read to its end', async () => {
  expect(await refused(new Uint8Array(5 * 2 ** 20))).toMatchObject({ reason: 'too-large', at: null });
  const deep = profile(`${'<array>'.repeat(100_000)}`);
  expect(await refused(deep)).toMatchObject({ reason: 'too-large', text: expect.stringContaining('deeper') });
  expect(await refused(profile(`<array>${'<true/>'.repeat(150_000)}</array>`))).toMatchObject({ reason: 'too-large' });
  expect(await refused(profile(Array.from({ length: 17 }, () => vpn('')).join('')))).toMatchObject({
    reason: 'too-large',
  });
});

test('what is no profile is refused as such', async () => {
  for (const text of ['', 'hello', '<html></html>', profile('').replace('Configuration', 'com.apple.vpn.managed')]) {
    expect(await refused(text)).toMatchObject({ reason: 'not-a-profile' });
  }
  expect(await refused(new Uint8Array([0x30, 0x82, 0x01]))).toMatchObject({ reason: 'malformed' });
});

/** What made patterns that look twice at the same characters take minutes: no time is asserted, a test that hangs fails. */
test.each<[string, string]>([
  ['white space in data', profile(`<dict><key>PayloadType</key><data>A${' '.repeat(1_000_000)}_</data></dict>`)],
  ['beginnings of URLs', profile('').replace('Example', 'a'.repeat(1_000_000))],
  ['beginnings of parameters', profile('').replace('Example', '?pass'.repeat(200_000))],
  ['beginnings of variables', profile('[['.repeat(500_000))],
  ['beginnings of comments', `${'<!--'.repeat(300_000)}`],
])('a file of nothing but %s is read in one go', async (_what, text) => {
  expect((await importMobileconfig(bytes(text))).result).toMatch(/imported|refused/);
});
