/**
 * `npm run build:vpn`: compiles the pure part of services/vpn-policy and its command line for plain JavaScript, with declarations, into
 * `services/vpn-policy/target`: the folder `package`, and the tarball that `npm pack` makes of it. Exit code 1 when it does not compile.
 *
 * `node .ci/build-vpn.ts <folder>` puts them there instead; exit code 1 when that holds a `package` of somebody else.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const service = join(root, 'services/vpn-policy');
const contracts = join(root, 'libs/contracts');

/** What the package is asked for by name, and the file that answers. */
const entries = {
  evaluate: 'evaluation/evaluate',
  lint: 'lint/lint-policy',
  diff: 'diff/diff-policies',
  simulate: 'simulate/simulate-policy',
};
const program = 'cli/main';

const [folder = join(service, 'target')] = process.argv.slice(2);
const target = resolve(folder, 'package');
if (existsSync(target) && !isOfThisBuild()) {
  console.error(`${target} is none of this build: remove it, or name another folder`);
  process.exit(1);
}
rmSync(target, { recursive: true, force: true });
const packages = compile();
writeManifest(packages);
copyFileSync(join(service, 'package/README.md'), join(target, 'README.md'));
copyFileSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', dirname(target)], { cwd: target });
console.log(join(dirname(target), packed.toString().trim()));

/** Whether a build may replace what stands there. */
function isOfThisBuild(): boolean {
  const manifest = join(target, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === nameOfPackage();
}

function nameOfPackage(): string {
  return JSON.parse(readFileSync(join(service, 'package.json'), 'utf8')).name;
}

/** @returns the packages that the code needs, but for Node's own */
function compile(): Set<string> {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const built = ts.createProgram(
    [...Object.values(entries), program].map((file) => join(service, 'src', `${file}.ts`)),
    {
      ...options,
      // What Node 20 has, which the workspace itself does not run on.
      target: ts.ScriptTarget.ES2023,
      lib: ['lib.es2023.d.ts', 'lib.es2024.string.d.ts'],
      // By way of node_modules tsc would take them for somebody else's, and emit nothing.
      paths: { '@quell/contracts/*': [join(contracts, 'src/*.ts')] },
      types: ['node'],
      noEmit: false,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: root,
      outDir: target,
    },
  );
  const needed = new Set<string>();
  const { diagnostics } = built.emit(undefined, (file, text) => {
    const path = placeOf(file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, withOwnImports(path, text, needed));
  });
  const faults = [...ts.getPreEmitDiagnostics(built), ...diagnostics];
  if (faults.length > 0) {
    const host = { getCanonicalFileName: String, getCurrentDirectory: () => root, getNewLine: () => '\n' };
    console.error(ts.formatDiagnostics(faults, host));
    // Half a package has no manifest, which the next build would take for somebody else's.
    rmSync(target, { recursive: true, force: true });
    process.exit(1);
  }
  return needed;
}

/** `<target>/services/vpn-policy/src/lint/…` is `<target>/lint/…`, and the contracts stand beside. */
function placeOf(emitted: string): string {
  const of = (workspace: string) => join(target, relative(root, workspace), 'src');
  const inContracts = relative(of(contracts), emitted);
  return inContracts.startsWith('..')
    ? join(target, relative(of(service), emitted))
    : join(target, 'contracts', inContracts);
}

/** Imports of the contracts lead to the package's own copy; tsc leaves these, and the `.ts` in declarations, as they are. */
function withOwnImports(path: string, text: string, needed: Set<string>): string {
  let own = text;
  // From the last one, so that the places of those before stay; a place is that of the opening quote.
  for (const { fileName: name, pos } of ts.preProcessFile(text).importedFiles.toReversed()) {
    const [, contract] = name.match(/^@quell\/contracts\/(.+)$/) ?? [];
    if (contract === undefined && !name.startsWith('.')) {
      if (!name.startsWith('node:')) needed.add(name);
      continue;
    }
    const to = contract === undefined ? name : pathBetween(path, join(target, 'contracts', `${contract}.ts`));
    own = `${own.slice(0, pos + 1)}${to.replace(/\.ts$/, '.js')}${own.slice(pos + 1 + name.length)}`;
  }
  return own;
}

function pathBetween(from: string, to: string): string {
  const path = relative(dirname(from), to).replaceAll('\\', '/');
  return path.startsWith('.') ? path : `./${path}`;
}

function writeManifest(needed: Set<string>): void {
  const { name, version, license, dependencies } = JSON.parse(readFileSync(join(service, 'package.json'), 'utf8'));
  const undeclared = [...needed].filter((one) => dependencies[one] === undefined);
  if (undeclared.length > 0) throw new Error(`not declared by services/vpn-policy: ${undeclared.join(', ')}`);
  const of = (file: string) => ({ types: `./${file}.d.ts`, default: `./${file}.js` });
  const manifest = {
    name,
    version,
    description: 'VPN on-demand policies: what the vendors’ own clients would do, and why',
    license,
    type: 'module',
    engines: { node: '>=20.19' },
    exports: {
      ...Object.fromEntries(Object.entries(entries).map(([entry, file]) => [`./${entry}`, of(file)])),
      './contracts/*': of('contracts/*'),
    },
    bin: { quell: `./${program}.js` },
    dependencies: Object.fromEntries([...needed].sort().map((one) => [one, dependencies[one]])),
  };
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
