import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));
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

test('--help names every command', () => {
  const help = execFileSync(process.execPath, [program, 'vpn', '--help'], { encoding: 'utf8' });
  for (const command of ['eval', 'lint', 'diff']) expect(help).toContain(`  ${command} `);
});
