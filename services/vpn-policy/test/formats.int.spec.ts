import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { vpnExportAnswer, vpnImportAnswer } from '@quell/contracts/vpn-formats';
import { bytes, profile, vpn } from '../src/mobileconfig/profile.fixture.ts';
import { type RunningVpnPolicy, startVpnPolicy } from './running-vpn-policy.fixture.ts';

let running: RunningVpnPolicy;
beforeAll(async () => {
  running = await startVpnPolicy();
});
afterAll(() => running.stop());

const rules = `<key>OnDemandEnabled</key><integer>1</integer>
<key>OnDemandRules</key><array><dict><key>Action</key><string>Connect</string></dict></array>`;
const payload = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] };

async function send(file: Uint8Array, type = 'application/x-apple-aspen-config', query = '') {
  const response = await fetch(`${running.service.url}/v1/vpn/import${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${running.key}`, 'content-type': type },
    body: new Uint8Array(file),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

test('a profile is sent as it is, and what comes back is an export’s input', async () => {
  const signed = readFileSync(new URL('fixtures/signed-ecdsa-indefinite.mobileconfig', import.meta.url));
  const first = await send(signed);
  expect(first).toMatchObject({ status: 200, body: { signature: { signed: true, verified: true } } });
  const { policies } = vpnImportAnswer.parse(first.body) as { policies: { document: object }[] };
  for (const binary of [false, true]) {
    const { status, body } = await running.call('POST', '/v1/vpn/export', {
      target: 'apple',
      policies: policies.map(({ document }) => document),
      binary,
    });
    expect(status).toBe(200);
    const { content, encoding, remarks } = vpnExportAnswer.parse(body);
    expect({ encoding, remarks }).toMatchObject({
      encoding: binary ? 'base64' : 'text',
      remarks: expect.arrayContaining([expect.objectContaining({ text: expect.stringContaining('signature') })]),
    });
    const again = await send(Buffer.from(content, binary ? 'base64' : 'utf8'), 'application/octet-stream');
    expect(again).toMatchObject({ status: 200, body: { signature: { signed: false }, policies: [{ payload }] } });
  }
});

test('a profile with a secret shows neither it nor any of it, in an answer or in a refusal', async () => {
  const secret = 'correcthorsebattery';
  const text = profile(vpn(`<key>SharedSecret</key><string>${secret}</string>${rules}`));
  const answers = [
    await send(bytes(text), 'application/xml'),
    await send(bytes(text.replace('</plist>', `&${secret};`))),
  ];
  expect(answers).toMatchObject([
    { status: 200, body: { policies: [{ withheld: [{ place: '/IKEv2/SharedSecret', why: 'secret' }] }] } },
    {
      status: 422,
      body: {
        type: 'urn:quell:problem:unprocessable',
        detail: expect.stringMatching(/malformed at line \d+, column \d+/),
        reason: 'malformed',
        at: { line: expect.any(Number), column: expect.any(Number) },
      },
    },
  ]);
  expect(JSON.stringify(answers)).not.toContain(secret);
});

test('an AnyConnect profile is known by itself, and exported as one', async () => {
  const { status, body } = await running.call('POST', '/v1/vpn/export', {
    target: 'cisco',
    policies: [{ name: 'Office', profile: { ConnectOnDemand: true, IfNeeded: ['.example.com'] } }],
  });
  expect({ status, body }).toMatchObject({ status: 200, body: { mediaType: 'application/xml', encoding: 'text' } });
  expect(await send(Buffer.from(body.content), 'text/xml')).toMatchObject({
    status: 200,
    body: { format: 'anyconnect-xml', policies: [{ name: 'Office', profile: { IfNeeded: ['.example.com'] } }] },
  });
});

test('what a target cannot hold is refused with the places, and what is no file with its kind', async () => {
  const lossy = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Allow' }] };
  expect(await running.call('POST', '/v1/vpn/export', { target: 'intune', policies: [lossy] })).toMatchObject({
    status: 422,
    body: {
      errors: expect.arrayContaining([
        { pointer: '/policies/0/OnDemandRules/0/Action', detail: expect.stringContaining('LOSSY_EXPORT') },
      ]),
    },
  });
  expect(await running.call('POST', '/v1/vpn/export', { target: 'paper', policies: [] })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/target' }] },
  });
  expect(await running.call('POST', '/v1/vpn/import', {})).toMatchObject({ status: 415 });
  expect(await send(new Uint8Array(5 * 2 ** 20))).toMatchObject({ status: 413 });
  expect(await send(bytes('hello'))).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining('not-a-profile'), reason: 'not-a-profile', at: { line: 1, column: 1 } },
  });
  expect(await send(bytes(profile('')), 'application/xml', '?dialect=android')).toMatchObject({ status: 400 });
});

test('lint refuses a request without the policy of its dialect, or with readings of another', async () => {
  const refusedAt = async (body: object) => {
    const { status, body: problem } = await running.call('POST', '/v1/vpn/lint', body);
    return [status, problem.errors?.map(({ pointer }: { pointer: string }) => pointer)];
  };
  expect(await refusedAt({})).toEqual([400, ['/payload']]);
  expect(await refusedAt({ dialect: 'cisco-anyconnect', payload: {} })).toEqual([400, ['/profile']]);
  expect(await refusedAt({ dialect: 'globalprotect', profile: {} })).toEqual([400, ['/settings']]);
  const readings = { leadingDotMatchesApex: false };
  expect(await refusedAt({ payload: {}, readings })).toEqual([400, ['/readings']]);
});

test('lint answers in the terms of each dialect', async () => {
  const cisco = { dialect: 'cisco-anyconnect', profile: { ConnectOnDemand: true, IfNeeded: ['*.example.com'] } };
  const portal = { dialect: 'globalprotect', settings: { connectMethod: 'pre-logon' } };
  expect(await running.call('POST', '/v1/vpn/lint', cisco)).toMatchObject({
    status: 200,
    body: { findings: [{ rule: 'WILDCARD_NOT_SUPPORTED', place: '/IfNeeded/0' }] },
  });
  expect((await running.call('POST', '/v1/vpn/lint', portal)).body.findings).toContainEqual(
    expect.objectContaining({ rule: 'MACHINE_CERTIFICATE_NEEDED' }),
  );
});
