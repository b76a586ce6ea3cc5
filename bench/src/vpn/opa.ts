import { execFile } from 'node:child_process';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { loadPolicy } from '@open-policy-agent/opa-wasm';
import { type BenchContext, type BenchRule, rules } from './policy-under-test.ts';

const run = promisify(execFile);
const OPA = 'github.com/open-policy-agent/opa@v1.22.2';

/** The rules in Rego, compiled to WebAssembly by OPA's own compiler. @throws Error when there is neither `opa` nor `go`. */
export async function opaPolicy(dir: string, progress: (text: string) => void) {
  const opa = (await onPath('opa')) ?? (await builtByGo(progress));
  const work = join(dir, 'opa');
  await mkdir(work, { recursive: true });
  const [source, bundle] = [join(work, 'policy.rego'), join(work, 'bundle.tar.gz')];
  await writeFile(source, rego());
  await run(opa, [
    'build',
    '--target',
    'wasm',
    '--optimize',
    '1',
    '--entrypoint',
    'vpn/first',
    '--output',
    bundle,
    source,
  ]);
  const policy = await loadPolicy(fileOfTar(gunzipSync(await readFile(bundle)), '/policy.wasm'));
  return ({ network }: BenchContext): number => Number(policy.evaluate(network)[0]?.result);
}

/** "First match wins" as Rego has it: a chain of `else`, which stops at the first that holds. */
function rego(): string {
  const chain = rules.map((rule, index) => `:= ${index} if {\n${bodyOf(rule)}\n}`).join(' else ');
  return `package vpn
import rego.v1
means(entry, domain) if domain == entry
means(entry, domain) if endswith(domain, concat("", [".", entry]))
serves(entry, address) if address == entry
serves(entry, address) if { endswith(entry, "*"); startswith(address, trim_suffix(entry, "*")) }
first ${chain}
`;
}

function bodyOf(rule: BenchRule): string {
  const set = (values: readonly string[]) => `{${values.map((value) => JSON.stringify(value)).join(', ')}}`;
  return [
    '\tinput.primaryIsVirtual == false',
    ...(rule.InterfaceTypeMatch ? [`\tinput.interface == ${JSON.stringify(rule.InterfaceTypeMatch)}`] : []),
    ...(rule.SSIDMatch ? [`\tinput.ssid in ${set(rule.SSIDMatch)}`] : []),
    ...(rule.DNSDomainMatch
      ? [`\tsome domain in input.searchDomains\n\tsome entry in ${set(rule.DNSDomainMatch)}\n\tmeans(entry, domain)`]
      : []),
    ...(rule.DNSServerAddressMatch
      ? [
          `\tsome address in input.dnsServers\n\tsome entry in ${set(rule.DNSServerAddressMatch)}\n\tserves(entry, address)`,
        ]
      : []),
  ].join('\n');
}

async function onPath(name: string): Promise<string | undefined> {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(dir, name);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

/** Kept between runs: building it takes more than a minute. */
async function builtByGo(progress: (text: string) => void): Promise<string> {
  const bin = join(tmpdir(), 'quell-bench-opa');
  const opa = join(bin, 'opa');
  if (
    await access(opa).then(
      () => true,
      () => false,
    )
  )
    return opa;
  const go = await onPath('go');
  if (go === undefined) throw new Error('neither opa nor go is on the PATH');
  progress('building OPA with Go, once, 2 minutes');
  await run(go, ['install', OPA], { env: { ...process.env, GOBIN: bin, GOFLAGS: '-mod=mod' } });
  return opa;
}

/** One file of a tar archive (POSIX ustar: 512-byte headers, the name first, the size in octal at 124). */
function fileOfTar(tar: Buffer, name: string): Buffer {
  for (let at = 0; at + 512 <= tar.length; ) {
    const header = tar.subarray(at, at + 512);
    const own = header.toString('utf8', 0, 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(header.toString('ascii', 124, 136), 8) || 0;
    if (own === name) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`the bundle has no ${name}`);
}
