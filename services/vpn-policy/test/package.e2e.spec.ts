import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'quell-package-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** The packages that the tarball names, as the workspace has them: nothing is fetched. */
function installed(names: readonly string[]): Record<string, string> {
  const places = [join(root, 'services/vpn-policy/node_modules'), join(root, 'node_modules')];
  return Object.fromEntries(
    names.map((name) => [name, `file:${places.map((place) => join(place, name)).find(existsSync)}`]),
  );
}

const wifi = { network: { interface: 'WiFi', ssid: 'Cafe', primaryIsVirtual: false } };
const consumer = `
import { vpnEvaluateRequest } from '@quell/vpn-policy/contracts/vpn-evaluate';
import { diffPolicies } from '@quell/vpn-policy/diff';
import { evaluate } from '@quell/vpn-policy/evaluate';
import { lintPolicy } from '@quell/vpn-policy/lint';
import { simulatePolicy } from '@quell/vpn-policy/simulate';

const payload = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' as const, SSIDMatch: ['Cafe'] }, { Action: 'Ignore' as const }] };
const context = { network: { interface: 'WiFi' as const, ssid: 'Cafe', primaryIsVirtual: false } };
const answer = evaluate(vpnEvaluateRequest.parse({ payload, context }));
const decision: string = 'decision' in answer ? answer.decision : answer.action;
const body = { dialect: 'apple-mdm' as const, payload };
const lint: readonly { readonly rule: string }[] = lintPolicy(body).findings;
const other = { ...body, payload: { ...payload, OnDemandRules: [{ Action: 'Ignore' as const }] } };
const { changed } = simulatePolicy({ body: other }, [[{ line: 1, text: JSON.stringify(context) }]], { body });
console.log(JSON.stringify([decision, lint.map(({ rule }) => rule), diffPolicies(body, other)?.result, changed]));
// @ts-expect-error: a policy of no vendor
export const refused = () => evaluate({ dialect: 'openvpn', payload, context });
`;

test('the package installs without a network outside the workspace, type-checks, decides, and has its command', () => {
  const tarball = run(process.execPath, [join(root, '.ci/build-vpn.ts'), folder], root).trim();
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8'));
  expect(Object.keys(dependencies)).toEqual(['asn1js', 'commander', 'pkijs', 'plist', 'saxes', 'zod']);

  const place = mkdtempSync(join(folder, 'consumer-'));
  const manifest = {
    name: 'consumer',
    version: '1.0.0',
    type: 'module',
    dependencies: { '@quell/vpn-policy': `file:${tarball}`, ...installed(Object.keys(dependencies)) },
  };
  writeFileSync(join(place, 'package.json'), JSON.stringify(manifest));
  run('npm', ['install', '--offline', '--no-audit', '--no-fund'], place);

  writeFileSync(join(place, 'consumer.ts'), consumer);
  // Every declaration is checked too, and Node's types are not there.
  const options = {
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: [],
    lib: ['es2022', 'dom'],
  };
  const compilerOptions = { ...options, module: 'nodenext', target: 'es2022', outDir: 'out' };
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
  const { stdout: faults } = spawnSync(join(root, 'node_modules/.bin/tsc'), [], { cwd: place, encoding: 'utf8' });
  expect(faults).toBe('');

  const [decision, ...rest] = JSON.parse(run(process.execPath, ['out/consumer.js'], place));
  expect([decision, ...rest]).toEqual(['connect', expect.any(Array), 'different', 1]);

  const request = { payload: { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] }, context: wifi };
  writeFileSync(join(place, 'request.json'), JSON.stringify(request));
  expect(run('npx', ['--offline', 'quell', 'vpn', 'eval', 'request.json'], place)).toMatch(/^connect {2}RULE_MATCHED/);
}, 300_000);

test('the build leaves a folder called package alone that it did not make', () => {
  const foreign = join(folder, 'foreign');
  mkdirSync(join(foreign, 'package'), { recursive: true });
  writeFileSync(join(foreign, 'package/README.md'), 'by hand');
  const { status, stderr } = spawnSync(process.execPath, [join(root, '.ci/build-vpn.ts'), foreign], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('is none of this build') });
  expect(readFileSync(join(foreign, 'package/README.md'), 'utf8')).toBe('by hand');
});
