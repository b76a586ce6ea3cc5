import { expect, test } from '@jest/globals';
import type { AppleDictionary } from '@quell/contracts/vpn-apple';
import { importedMobileconfig, type VpnExportRequest } from '@quell/contracts/vpn-formats';
import fc from 'fast-check';
import { buildBinary, parse, parseBinary } from 'plist';
import { diffApple } from '../diff/diff-apple.ts';
import { anyApplePayload } from '../evaluation/requests.arbitrary.ts';
import { lintApple } from '../lint/lint-apple.ts';
import { exportMobileconfig, writeMobileconfig } from './export.ts';
import { importMobileconfig, type ReadMobileconfig, readMobileconfig } from './import.ts';
import { bytes, profile, vpn, xml } from './profile.fixture.ts';
import { signed, signerFor } from './signed.fixture.ts';

/** Any text that XML can hold, and that is no variable. */
const anyText = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => !/[{}$%`_[\]@<#]/.test(text))
  .map((text) => `x${text}`);
const anyPayload: fc.Arbitrary<AppleDictionary> = fc
  .tuple(anyApplePayload, fc.array(anyText, { maxLength: 3 }))
  .map(([payload, SSIDMatch]) => ({
    ...payload,
    ...(SSIDMatch.length === 0
      ? {}
      : { OnDemandRules: [{ Action: 'Disconnect', SSIDMatch }, ...(payload.OnDemandRules ?? [])] }),
  }));
const request = (policies: Record<string, unknown>[], more = {}): Extract<VpnExportRequest, { target: 'apple' }> => ({
  target: 'apple',
  policies,
  name: 'Example',
  identifier: 'org.example.vpn',
  vpnType: 'VPN',
  binary: false,
  dialect: 'apple-mdm',
  acceptFindings: [],
  ...more,
});
const written = (payload: AppleDictionary, binary: boolean) => {
  const whole = { PayloadType: 'com.apple.vpn.managed', VPNType: 'VPN', VPN: payload };
  const file = writeMobileconfig([whole], { name: 'Example', identifier: 'org.example.vpn', binary });
  if ('text' in file) throw new Error(file.text);
  return file.content;
};
const payloadIn = async (content: Uint8Array) => {
  const answer = await readMobileconfig(content);
  if (answer.result === 'refused') throw new Error(JSON.stringify(answer));
  return answer.policies[0]?.payload ?? null;
};

test('import(export(policy)) is the policy, in XML and in binary', async () => {
  await fc.assert(
    fc.asyncProperty(anyPayload, fc.boolean(), async (payload, binary) => {
      const back = await payloadIn(written(payload, binary));
      expect(back).toEqual(payload);
    }),
    { numRuns: 200 },
  );
  const [payload] = fc.sample(anyApplePayload, { numRuns: 1, seed: 4 });
  const back = await payloadIn(written(payload ?? {}, true));
  const left = { payload: payload ?? {}, dialect: 'apple-mdm' } as const;
  expect(diffApple(left, { ...left, payload: back ?? {} }).result).toBe('equal');
});

test('export(import(file)) means what the file meant', async () => {
  await fc.assert(
    fc.asyncProperty(anyPayload, fc.boolean(), async (payload, binary) => {
      const text = profile(vpn('', { type: 'VPN' }).replace('<dict>\n\n</dict>', xml(payload)));
      const first = await readMobileconfig(bytes(text));
      if (first.result === 'refused') throw new Error(JSON.stringify(first));
      const [policy] = first.policies;
      expect(policy?.payload).toEqual(payload);
      const again = writeMobileconfig([policy?.document ?? {}], { name: 'Example', identifier: 'x', binary });
      if ('text' in again) throw new Error(again.text);
      const second = await readMobileconfig(again.content);
      expect(second).toMatchObject({ policies: [{ document: policy?.document, base: policy?.base }] });
    }),
    { numRuns: 100 },
  );
});

test('an export is refused exactly when lint finds an error, and the same policy gives the same bytes', () => {
  fc.assert(
    fc.property(anyPayload, fc.boolean(), (payload, binary) => {
      const whole = { VPNType: 'VPN', VPNSubType: 'org.example.app', VPN: payload };
      const file = exportMobileconfig(request([whole], { binary }));
      const errors = lintApple(whole).findings.filter(({ severity }) => severity === 'error');
      expect(file.findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule)).toEqual(
        errors.map(({ rule }) => rule),
      );
      expect(file.result).toBe(errors.length === 0 ? 'exported' : 'refused');
      expect(exportMobileconfig(request([structuredClone(whole)], { binary }))).toEqual(file);
    }),
    { numRuns: 6 },
  );
});

test('what the library reads of a good file is what the strict readers read', async () => {
  await fc.assert(
    fc.asyncProperty(anyPayload, async (payload) => {
      // The library takes these for ends of lines, which they are in XML 1.1 alone.
      fc.pre(!/[\u0085\u2028]/.test(JSON.stringify(payload)));
      const document = { PayloadType: 'com.apple.vpn.managed', VPNType: 'VPN', VPN: payload };
      const root = { PayloadType: 'Configuration', PayloadContent: [document] };
      const text = new TextDecoder().decode(written(payload, false));
      const binary = buildBinary(root as never);
      expect(parse(text)).toMatchObject({ PayloadContent: [document] });
      expect(parseBinary(binary)).toEqual(root);
      expect(await payloadIn(binary)).toEqual(payload);
    }),
    { numRuns: 60 },
  );
});

test('a place is where the value stands, whatever white space there is', async () => {
  const space = fc.stringMatching(/^[ \t\n\r]{0,4}$/);
  const parts = ['<key>SSIDMatch</key>', '<array>', '<string>Corp*</string>', '<!-- > -->', '</array>'];
  await fc.assert(
    fc.asyncProperty(fc.array(space, { minLength: 6, maxLength: 6 }), async (spaces) => {
      const rule = `<key>Action</key><string>Connect</string>${parts.map((part, index) => spaces[index] + part).join('')}`;
      const text = profile(
        vpn(
          `<key>OnDemandEnabled</key><integer>1</integer><key>OnDemandRules</key><array><dict>${rule}</dict></array>`,
        ),
      );
      const answer = await importMobileconfig(bytes(text));
      const findings = answer.result === 'imported' ? (answer.policies[0]?.findings ?? []) : [];
      const { at } = findings.find((finding) => finding.rule === 'WILDCARD_NOT_SUPPORTED_IN_SSID') ?? {};
      const lines = text.slice(0, text.indexOf('<string>Corp*')).split(/\r\n|\r|\n/);
      expect(at).toEqual({ line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 });
    }),
    { numRuns: 60 },
  );
});

/** A change to a file: a byte turned, a piece cut, doubled or put in, the end lost. */
const anyChange = fc.oneof(
  fc.record({ at: fc.nat(), byte: fc.nat(255) }).map(({ at, byte }) => (file: Buffer) => {
    const changed = Buffer.from(file);
    changed[at % file.length] = byte;
    return changed;
  }),
  fc.tuple(fc.nat(), fc.nat(40)).map(([at, size]) => (file: Buffer) => {
    const from = at % file.length;
    return Buffer.concat([file.subarray(0, from), file.subarray(from + size)]);
  }),
  fc.tuple(fc.nat(), fc.nat(), fc.nat(60)).map(([at, to, size]) => (file: Buffer) => {
    const piece = file.subarray(at % file.length, (at % file.length) + size);
    const place = to % file.length;
    return Buffer.concat([file.subarray(0, place), piece, file.subarray(place)]);
  }),
  fc.nat().map((at) => (file: Buffer) => file.subarray(0, at % (file.length + 1))),
);

const linted = (read: ReadMobileconfig) => ({
  ...read,
  policies: read.policies.map((policy) => ({ ...policy, findings: [] })),
});

test('no bytes make the import throw, and what it answers fits its contract', async () => {
  const text = profile(
    vpn(`<key>AuthPassword</key><string>hunter2</string>
<key>OnDemandEnabled</key><integer>1</integer><key>OnDemandRules</key><array><dict>
<key>Action</key><string>EvaluateConnection</string><key>ActionParameters</key><array><dict>
<key>DomainAction</key><string>ConnectIfNeeded</string><key>Domains</key><array><string>example.com</string></array>
</dict></array></dict><dict><key>Action</key><string>Ignore</string></dict></array>`),
  );
  const binary = buildBinary(parse(text) as never);
  const files = [
    bytes(text),
    binary,
    await signed(bytes(text), await signerFor('ECDSA')),
    await signed(binary, await signerFor('ECDSA')),
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...files), fc.array(anyChange, { maxLength: 4 }), async (file, changes) => {
      const changed = changes.reduce<Buffer>(
        (whole, change) => (whole.length === 0 ? whole : change(whole)),
        Buffer.from(file),
      );
      const answer = await readMobileconfig(changed);
      if (answer.result === 'imported') importedMobileconfig.parse(linted(answer));
      else if (answer.at !== null && 'byte' in answer.at) expect(answer.at.byte).toBeLessThanOrEqual(changed.length);
    }),
    { numRuns: Number(process.env.QUELL_VPN_MUTATIONS ?? 500) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('', 'bplist00', '0', '<?xml'),
      async (tail, head) => {
        expect(await importMobileconfig(Buffer.concat([Buffer.from(head), tail]))).toMatchObject({ result: 'refused' });
      },
    ),
    { numRuns: 300 },
  );
});
