/** Says what is wrong with the package manifests and the lockfile, one line each, and exits 1 if anything is. */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

type Manifest = { [kind in (typeof dependencyKinds)[number]]?: Record<string, string> } & { workspaces?: string[] };
type Locked = Manifest & { resolved?: string; link?: boolean; integrity?: string; version?: string };

const dependencyKinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;
const exactVersion = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

const locked = (JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }).packages;
const root = manifest('package.json');
const manifests: [string, Manifest][] = [
  ['', root],
  ...globSync((root.workspaces ?? []).map((pattern) => `${pattern}/package.json`)).map((file): [string, Manifest] => [
    dirname(file).replaceAll('\\', '/'),
    manifest(file),
  ]),
];

const faults = [...addresses(), ...inexactVersions(), ...outOfDate(), ...otherPlatforms(), ...installedOtherwise()];
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

function manifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}

/** Where a package came from differs between machines; what it holds is said by its integrity. */
function addresses(): string[] {
  const named = Object.entries(locked).flatMap(([path, { resolved, link }]) =>
    resolved !== undefined && link !== true ? [`package-lock.json: ${path} names a download address`] : [],
  );
  const unproven = Object.entries(locked).flatMap(([path, { integrity, link, version }]) =>
    path.includes('node_modules/') && link !== true && integrity === undefined
      ? [`package-lock.json: ${path} ${version} has no integrity`]
      : [],
  );
  return [...named, ...unproven];
}

function inexactVersions(): string[] {
  return manifests.flatMap(([path, dependencies]) =>
    dependencyKinds.flatMap((kind) =>
      Object.entries(dependencies[kind] ?? {})
        .filter(([, version]) => !exactVersion.test(version))
        .map(([name, version]) => `${path || '.'}/package.json: ${name} ${version} is not an exact version`),
    ),
  );
}

function outOfDate(): string[] {
  return manifests.flatMap(([path, dependencies]) =>
    dependencyKinds
      .filter((kind) => !isDeepStrictEqual(dependencies[kind] ?? {}, locked[path]?.[kind] ?? {}))
      .map((kind) => `package-lock.json does not have the ${kind} of ${path || '.'}/package.json: run npm install`),
  );
}

/**
 * npm drops what this platform does not install when it writes a lockfile beside a `node_modules` that is there (npm/cli#4828): the
 * next clean install would write it again, and other platforms would lack their part.
 */
function otherPlatforms(): string[] {
  return Object.entries(locked).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !isLockedFor(path, name))
      .map((name) => `package-lock.json lacks ${name}, which ${path} may need: rm -r node_modules, npm install`),
  );
}

/** Whether a package finds `name` where Node looks for it: in its own `node_modules`, else in those above it. */
function isLockedFor(path: string, name: string): boolean {
  const place = path === '' ? `node_modules/${name}` : `${path}/node_modules/${name}`;
  if (locked[place] !== undefined) return true;
  return path !== '' && isLockedFor(path.slice(0, Math.max(0, path.lastIndexOf('/node_modules/'))), name);
}

/** `npm ls` fails when something is missing, extraneous, or of a version that nobody asked for. */
function installedOtherwise(): string[] {
  const { status, stderr, error } = spawnSync('npm', ['ls', '--all'], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (error !== undefined) return [`npm ls: ${error.message}`];
  return status === 0 ? [] : [`npm ls --all failed with ${status}:`, ...stderr.trim().split('\n')];
}
