import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';

import { convertListsCommand } from './convert-lists.ts';
import { diffCommand } from './diff.ts';
import { evalCommand } from './eval.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { lintCommand } from './lint.ts';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));
const fixtures = fileURLToPath(new URL('../../test/fixtures', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'quell-vpn-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
}
function quell(args: readonly string[], input = ''): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'vpn', ...args], {
    input,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

const payload = {
  OnDemandEnabled: 1,
  OnDemandRules: [{ Action: 'Connect', SSIDMatch: ['Cafe'] }, { Action: 'Ignore' }],
};
const network = { interface: 'WiFi', ssid: 'Home', searchDomains: [], dnsServers: [], primaryIsVirtual: false };

test('eval reads a request from stdin or a file and says what it decides and why', () => {
  const request = { payload, context: { vpn: 'disconnected', network } };
  const { code, out } = quell(['eval'], JSON.stringify(request));
  expect({ code, first: out.split('\n')[0] }).toEqual({ code: 0, first: 'ignore  RULE_MATCHED_CATCHALL' });
  expect(out).toContain('nearest: rule 0 (Connect) would have matched if ssid were one of "Cafe"');
  expect(JSON.parse(quell(['eval', '--json', file('request.json', request)]).out)).toMatchObject({
    decision: 'ignore',
  });
});

test('eval ends with 3 when an input is missing, and with 2 for what is no request', () => {
  const { ssid: _, ...rest } = network;
  expect(quell(['eval'], JSON.stringify({ payload, context: { network: rest } }))).toMatchObject({
    code: 3,
    out: expect.stringContaining('unknown: /network/ssid'),
  });
  expect(quell(['eval'], '{"payload":{"OnDemandRules":[{}]}}')).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringContaining('payload.OnDemandRules[0].Action'),
  });
  expect(quell(['eval', join(folder, 'nothing.json')])).toMatchObject({
    code: 2,
    err: expect.stringContaining('cannot read'),
  });
});

test('lint ends with 0 for a clean policy and with 1 for one with a finding', () => {
  expect(quell(['lint'], JSON.stringify(payload))).toMatchObject({ code: 0, out: 'nothing found\n' });
  const dead = { ...payload, OnDemandRules: [...payload.OnDemandRules, { Action: 'Disconnect' }] };
  expect(quell(['lint', file('dead.json', dead)])).toMatchObject({
    code: 1,
    out: expect.stringContaining('error  /OnDemandRules/2  SHADOWED_BY_CATCHALL'),
  });
  const portal = JSON.stringify({ connectMethod: 'pre-logon', timeoutMin: 5, maxUserOverrides: 1 });
  expect(lintCommand(file('portal.json', JSON.parse(portal)), { dialect: 'globalprotect' })).toMatchObject({
    exitCode: 1,
    text: expect.stringContaining('MACHINE_CERTIFICATE_NEEDED'),
  });
});

test('diff ends with 0 for equal policies and with 1 for others, in each dialect', () => {
  const same = file('same.json', payload);
  expect(quell(['diff', same, same])).toMatchObject({ code: 0, out: expect.stringContaining('equal in all') });
  const other = file('other.json', { ...payload, OnDemandRules: [{ Action: 'Ignore' }] });
  expect(quell(['diff', same, other])).toMatchObject({
    code: 1,
    out: expect.stringContaining('connect (RULE_MATCHED)'),
  });
  const cisco = file('cisco.json', { ConnectOnDemand: true, Always: ['example.com'] });
  const off = file('off.json', { ConnectOnDemand: false, Always: ['example.com'] });
  expect(quell(['diff', '--dialect', 'cisco-anyconnect', cisco, off]).code).toBe(1);
  const portal = file('portal.json', { connectMethod: 'user-logon' });
  expect(quell(['diff', '--dialect', 'globalprotect', portal, portal]).code).toBe(0);
  expect(quell(['diff', same])).toMatchObject({ code: 2, err: expect.stringContaining('--against') });
});

test('a key that GlobalProtect does not have is named, whatever is done with the file', () => {
  const portal = { dialect: 'globalprotect', connectMethod: 'user-logon', platform: 'windows', event: 'user-login' };
  const right = file('right.json', portal);
  const wrong = file('wrong.json', { ...portal, overide: 'disabled' });
  expect(evalCommand(right, {}).exitCode).toBe(0);
  expect(() => evalCommand(wrong, {})).toThrow('overide');
  expect(() => diffCommand(right, wrong, {})).toThrow('overide');
  expect(lintCommand(wrong, {})).toMatchObject({
    exitCode: 1,
    text: expect.stringContaining('did you mean override?'),
  });
  const { dialect, ...undeclared } = portal;
  const { text } = lintCommand(file('undeclared.json', undeclared), { dialect }) as { text: string };
  expect(text).not.toContain('UNKNOWN_KEY');
});

test('a policy is read by the dialect that its file names, however it is wrapped, unless the caller names another', () => {
  const bareStar = {
    OnDemandEnabled: 1,
    OnDemandRules: [{ Action: 'Connect', DNSDomainMatch: ['*'] }, { Action: 'Ignore' }],
  };
  const body = (dialect: string) => ({ dialect, payload: bareStar });
  const json = (printed: object) => JSON.parse((printed as { text: string }).text);
  const mdm = file('mdm.json', body('apple-mdm'));
  const wrapped = [body('apple-legacy'), { body: body('apple-legacy') }, { ...body('apple-legacy'), context: {} }];
  for (const [n, value] of wrapped.entries()) {
    const legacy = file(`legacy-${n}.json`, value);
    const asLegacy = lintCommand(legacy, { json: true });
    expect(json(asLegacy)).toEqual(json(lintCommand(mdm, { dialect: 'apple-legacy', json: true })));
    expect(json(asLegacy)).not.toEqual(json(lintCommand(mdm, { json: true })));
    expect(json(lintCommand(legacy, { dialect: 'apple-mdm', json: true }))).toEqual(
      json(lintCommand(mdm, { json: true })),
    );
    expect(diffCommand(mdm, legacy, {}).exitCode).toBe(1);
    expect(diffCommand(mdm, legacy, { dialect: 'apple-legacy' }).exitCode).toBe(0);
  }
  const settings = { connectMethod: 'pre-logon', timeoutMin: 5, maxUserOverrides: 1 };
  const context = { platform: 'windows', event: 'boot' };
  const portals = [
    { settings },
    { body: { dialect: 'globalprotect', settings } },
    settings,
    { ...settings, ...context },
  ];
  for (const [n, value] of portals.entries()) {
    const portal = file(`portal-${n}.json`, 'body' in value ? value : { dialect: 'globalprotect', ...value });
    expect({ n, ...lintCommand(portal, {}) }).toMatchObject({
      n,
      exitCode: 1,
      text: expect.stringMatching(/^(?!.*UNKNOWN_KEY).*MACHINE_CERTIFICATE_NEEDED/s),
    });
    expect({ n, code: diffCommand(portal, portal, {}).exitCode }).toEqual({ n, code: 0 });
  }
  expect(() => diffCommand(mdm, join(folder, 'portal-0.json'), {})).toThrow(
    'cannot be compared with one of globalprotect',
  );
  const posture = { action: { kind: 'disconnect' } };
  const guarded = file('guarded.json', { body: body('apple-mdm'), posture });
  expect(diffCommand(mdm, guarded, {})).toMatchObject({ exitCode: 1, remarks: [expect.stringContaining('posture')] });
  const { text, exitCode } = diffCommand(mdm, guarded, { json: true }) as { text: string; exitCode: number };
  expect({ ...JSON.parse(text), exitCode }).toMatchObject({
    result: 'different-posture',
    posture: { left: null },
    exitCode: 1,
  });
  expect(() => lintCommand(file('openvpn.json', { dialect: 'openvpn', payload: {} }), {})).toThrow(
    'the dialect cannot be read',
  );
});

test('what is wrong in a whole payload is named by its place in it', () => {
  const IKEv2 = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Conect' }] };
  const whole = file('whole.json', { PayloadType: 'com.apple.vpn.managed', VPNType: 'IKEv2', IKEv2 });
  expect(() => diffCommand(whole, whole, {})).toThrow('payload.IKEv2.OnDemandRules[0].Action');
});

test('import prints what a profile says and where, and ends with 2 for one that is refused', async () => {
  const read = await importCommand(join(fixtures, 'signed-rsa.mobileconfig'), { dialect: 'apple-mdm' });
  expect(read).toMatchObject({ exitCode: 0, text: expect.stringContaining('signed by CN=Example RSA') });
  expect(quell(['import'], '<plist><dict>\n<key>PayloadType</key>\n</dict></plist>')).toMatchObject({
    code: 2,
    err: expect.stringContaining('malformed at line 2, column 1: a key without a value'),
  });
});

test('export writes what import reads, says on stderr what is missing, and ends with 1 for what it does not write', async () => {
  const written = quell(['export', '--target', 'apple', file('plain.json', payload)]);
  expect(written).toMatchObject({ code: 0, err: expect.stringContaining('RemoteAddress: missing') });
  writeFileSync(join(folder, 'written.mobileconfig'), written.out);
  const read = await importCommand(join(folder, 'written.mobileconfig'), { dialect: 'apple-mdm', json: true });
  const answer = JSON.parse('text' in read ? read.text : '');
  expect(answer).toMatchObject({ policies: [{ base: '/IKEv2', payload }] });
  const again = exportCommand(file('answer.json', answer), { target: 'apple' });
  expect('file' in again && new TextDecoder().decode(again.file)).toContain('<string>Cafe</string>');
  const allow = file('allow.json', { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Allow' }] });
  const refused = exportCommand(allow, { target: 'intune' });
  expect(refused).toMatchObject({ exitCode: 1, file: new Uint8Array() });
  expect(refused.remarks?.join()).toContain('LOSSY_EXPORT');
  const cisco = exportCommand(file('anyconnect.json', { ConnectOnDemand: true, IfNeeded: ['example.com'] }), {
    target: 'cisco',
    name: 'Office',
  });
  expect('file' in cisco && new TextDecoder().decode(cisco.file)).toContain('<HostName>Office</HostName>');
});

test('lint ends with 3 where nothing is wrong but something could not be decided', () => {
  const probing = Array.from({ length: 17 }, (_, index) => ({
    Action: 'Ignore',
    URLStringProbe: `https://p${index}.example.com/`,
  }));
  const many = file('many.json', { OnDemandEnabled: 1, OnDemandRules: [...probing, { Action: 'Connect' }] });
  const { exitCode, text } = lintCommand(many, { dialect: 'apple-mdm' }) as { exitCode: number; text: string };
  expect([exitCode, text]).toEqual([3, expect.stringMatching(/^undecided /)]);
});

test('lint reads a request as it is evaluated, with its readings', () => {
  const OnDemandRules = [
    { Action: 'Disconnect', DNSDomainMatch: ['example.com'] },
    { Action: 'Connect', DNSDomainMatch: ['eng.example.com'] },
    { Action: 'Ignore' },
  ];
  const request = { payload: { OnDemandEnabled: 1, OnDemandRules }, readings: { searchDomain: 'equal' } };
  const linted = (name: string, value: object) => lintCommand(file(name, value), { dialect: 'apple-mdm' });
  expect(linted('equal.json', request).exitCode).toBe(0);
  expect(linted('suffix.json', { ...request, readings: {} }).exitCode).toBe(1);
});

test('a policy of another vendor is a finding of lint that names it, and is not exported', () => {
  const apple = file('rules-of-apple.json', payload);
  const cisco = file('profile-of-cisco.json', { ConnectOnDemand: true, IfNeeded: ['example.com'] });
  expect(lintCommand(cisco, { dialect: 'apple-mdm' })).toMatchObject({
    exitCode: 1,
    text: expect.stringContaining('it looks like cisco-anyconnect'),
  });
  expect(lintCommand(apple, { dialect: 'cisco-anyconnect' })).toMatchObject({
    exitCode: 1,
    text: expect.stringContaining("it looks like Apple's"),
  });
  for (const refused of [
    exportCommand(apple, { target: 'cisco' }),
    exportCommand(cisco, { target: 'apple' }),
    exportCommand(cisco, { target: 'intune' }),
  ]) {
    expect(refused).toMatchObject({ exitCode: 1, file: new Uint8Array() });
    expect(refused.remarks?.join()).toContain('WRONG_DIALECT');
  }
});

test('convert-lists writes rules for lists and says what they do differently', () => {
  const lists = {
    OnDemandEnabled: 1,
    OnDemandMatchDomainsNever: ['a.example'],
    OnDemandMatchDomainsAlways: ['example'],
  };
  expect(quell(['convert-lists'], JSON.stringify(lists))).toMatchObject({
    code: 1,
    out: expect.stringContaining('"NeverConnect"'),
    err: expect.stringContaining('PARAM_DNS_REDIRECTED'),
  });
  const options = { to: 'lists', dialect: 'apple-mdm' };
  expect(() => convertListsCommand(file('rules.json', payload), options)).toThrow(
    '/OnDemandRules/1: lists hold one rule',
  );
});

test('what is not a command, not an option or not a file of contexts ends with 2, never with what a finding ends with', () => {
  for (const args of [['bogus'], [], ['eval', '--nope'], ['diff'], ['export', file('bare.json', payload)]]) {
    expect({ args, ...quell(args) }).toMatchObject({ args, code: 2, out: '' });
  }
  const directory = quell(['simulate', file('plain.json', payload), folder]);
  expect(directory).toMatchObject({ code: 2, err: expect.stringMatching(/^quell: cannot read .*EISDIR[^\n]*\n$/) });
});

test('--help ends with 0 and names every command', () => {
  const help = execFileSync(process.execPath, [program, 'vpn', '--help'], { encoding: 'utf8' });
  for (const command of ['eval', 'lint', 'diff', 'import', 'export', 'convert-lists'])
    expect(help).toContain(`  ${command} `);
});
