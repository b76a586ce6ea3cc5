import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildBinary, parse } from 'plist';
import { exportMobileconfig } from './export.ts';
import { importMobileconfig } from './import.ts';
import { bytes, profile, vpn } from './profile.fixture.ts';

const rules = `<key>OnDemandEnabled</key><integer>1</integer>
<key>OnDemandRules</key><array><dict><key>Action</key><string>Connect</string></dict></array>`;
const data = (text: string) => `<data>${Buffer.from(text).toString('base64')}</data>`;

/** Each place at which profiles carry secrets, with one there. */
const holders: readonly (readonly [string, (secret: string) => string])[] = [
  ['SharedSecret as data', (secret) => vpn(`${rules}<key>SharedSecret</key>${data(secret)}`, { type: 'IPSec' })],
  ['SharedSecret as text', (secret) => vpn(`${rules}<key>SharedSecret</key><string>${secret}</string>`)],
  ['AuthPassword', (secret) => vpn(`${rules}<key>AuthPassword</key><string>${secret}</string>`)],
  ['XAuthPassword', (secret) => vpn(`${rules}<key>XAuthPassword</key><string>${secret}</string>`, { type: 'IPSec' })],
  ['Password', (secret) => vpn(`${rules}<key>Password</key><string>${secret}</string>`)],
  ['PPK', (secret) => vpn(`${rules}<key>PPK</key>${data(secret)}`)],
  [
    'a vendor’s configuration',
    (secret) =>
      vpn(rules, { more: `<key>VendorConfig</key><dict><key>WgQuickConfig</key><string>${secret}</string></dict>` }),
  ],
  [
    'a vendor’s own words',
    (secret) =>
      vpn(rules, { more: `<key>VendorConfig</key><dict><key>1</key><array><string>${secret}</string></array></dict>` }),
  ],
  [
    'a vendor’s configuration that is no dictionary',
    (secret) => vpn(rules, { more: `<key>VendorConfig</key><string>${secret}</string>` }),
  ],
  [
    'a proxy',
    (secret) =>
      vpn(rules, { more: `<key>Proxies</key><dict><key>HTTPProxyPassword</key><string>${secret}</string></dict>` }),
  ],
  ['a key that nobody documents', (secret) => vpn(`${rules}<key>Hint</key><string>${secret}</string>`)],
  [
    'a certificate of another payload',
    (secret) =>
      `${vpn(rules)}<dict><key>PayloadType</key><string>com.apple.security.pkcs12</string><key>PayloadContent</key>${data(secret)}
<key>Password</key><string>${secret}</string></dict>`,
  ],
  [
    'a URL with a password',
    (secret) =>
      vpn(
        rules.replace(
          '<key>Action',
          `<key>URLStringProbe</key><string>https://user:${secret}@example.com/</string><key>Action`,
        ),
      ),
  ],
  [
    'a URL with a token',
    (secret) =>
      vpn(rules, { more: `<key>PayloadDescription</key><string>see https://example.com/?token=${secret}</string>` }),
  ],
  ['a rule', (secret) => vpn(rules.replace('<key>Action', `<key>Password</key><string>${secret}</string><key>Action`))],
  ['text where none may be', (secret) => vpn(`${rules}<key>AuthPassword</key>${secret}<string></string>`)],
  ['an element that is none', (secret) => vpn(`${rules}<key>AuthPassword</key><${secret}></${secret}>`)],
  ['an entity', (secret) => vpn(`${rules}<key>AuthPassword</key><string>&${secret};</string>`)],
  ['a number', (secret) => vpn(rules.replace('<integer>1', `<integer>${secret}`))],
  ['a key twice', (secret) => vpn(`${rules}<key>${secret}</key><true/><key>${secret}</key><true/>`)],
  ['a closing tag', (secret) => vpn(`${rules}<key>AuthPassword</key><string></${secret}>`)],
];

test('no secret of a profile is in anything that comes out, whatever is wrong with the file', async () => {
  const anySecret = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{15,24}$/);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...holders), anySecret, fc.option(fc.nat()), async ([, holder], secret, cut) => {
      const whole = bytes(profile(holder(secret)));
      const answer = await importMobileconfig(cut === null ? whole : whole.subarray(0, cut % whole.length));
      const said = JSON.stringify(answer);
      for (const form of [secret, Buffer.from(secret).toString('base64').slice(0, 20)])
        expect(said).not.toContain(form);
      if (answer.result === 'refused') return;
      const file = exportMobileconfig({
        target: 'apple',
        policies: answer.policies.map(({ document }) => document),
        name: 'Example',
        identifier: 'org.example.vpn',
        vpnType: 'IKEv2',
        binary: false,
        dialect: 'apple-mdm',
        acceptFindings: [],
      });
      const content = file.result === 'exported' ? new TextDecoder().decode(file.content) : '';
      expect(JSON.stringify(file.remarks) + JSON.stringify(file.findings) + content).not.toContain(secret);
    }),
    { numRuns: 400 },
  );
});

test.each(holders.slice(0, 15))(
  '%s: what is withheld is marked and listed, and the rest comes through',
  async (_where, holder) => {
    const text = profile(holder('correcthorsebattery'));
    const files = [bytes(text), buildBinary(parse(text) as never)];
    for (const file of files) {
      const answer = await importMobileconfig(file);
      expect(answer).toMatchObject({ result: 'imported' });
      if (answer.result === 'refused') return;
      const [policy] = answer.policies;
      const elsewhere = answer.otherPayloads.length > 0;
      expect(policy?.withheld.length).toBe(elsewhere ? 0 : 1);
      expect(policy?.payload).toMatchObject({ OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] });
      for (const { place } of policy?.withheld ?? []) {
        const found = place
          .slice(1)
          .split('/')
          .reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], policy?.document);
        expect(found).toContain('[withheld]');
      }
    }
  },
);

test('a rule that hangs on a withheld value is not exported; anything else is, without it', async () => {
  const withUrl = await importMobileconfig(bytes(profile(holders[12]?.[1]('secret') ?? '')));
  const withPassword = await importMobileconfig(bytes(profile(holders[2]?.[1]('secret') ?? '')));
  const exported = [withUrl, withPassword].map((answer) =>
    exportMobileconfig({
      target: 'apple',
      policies: answer.result === 'imported' ? answer.policies.map(({ document }) => document) : [],
      name: 'Example',
      identifier: 'org.example.vpn',
      vpnType: 'IKEv2',
      binary: false,
      dialect: 'apple-mdm',
      acceptFindings: [],
    }),
  );
  expect(exported).toMatchObject([
    { result: 'refused', remarks: [{}, { place: '/IKEv2/OnDemandRules/0/URLStringProbe' }] },
    {
      result: 'exported',
      remarks: [{ text: expect.stringContaining('signature') }, { place: '/IKEv2/AuthPassword' }, {}, {}, {}, {}],
    },
  ]);
});

test('a secret that somebody hands to the export is not written either', () => {
  const secret = 'correcthorsebattery';
  const { remarks, ...file } = exportMobileconfig({
    target: 'apple',
    policies: [
      {
        PayloadType: 'com.apple.vpn.managed',
        VPNType: 'IKEv2',
        VendorConfig: { WgQuickConfig: secret },
        IKEv2: {
          OnDemandEnabled: 1,
          OnDemandRules: [{ Action: 'Connect' }],
          SharedSecret: secret,
          AuthPassword: secret,
        },
      },
    ],
    name: 'Example',
    identifier: 'org.example.vpn',
    vpnType: 'IKEv2',
    binary: false,
    dialect: 'apple-mdm',
    acceptFindings: [],
  });
  expect(file.result === 'exported' && new TextDecoder().decode(file.content)).not.toContain(secret);
  expect(remarks.map(({ place }) => place)).toEqual(
    expect.arrayContaining(['/VendorConfig/WgQuickConfig', '/IKEv2/SharedSecret', '/IKEv2/AuthPassword']),
  );
});
