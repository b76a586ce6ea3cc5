import type { Target } from '@quell/contracts/run-payload';
import { pathOf } from '../confined/roots.ts';
import type { JournalledRun } from '../journal/records.ts';
import type { Sighting } from '../quarantine/planned-item.ts';
import { type Finding, findingOf, scanThreatId, type Verdict } from './findings.ts';
import { lookAtTarget } from './look-at-target.ts';
import type { Prepared } from './prepare.ts';
import type { RunControl, RunEnvironment } from './run-environment.ts';
import { placesToScan, scan } from './scan.ts';

/** Registry keys, services, processes and connections are not files: this agent has nothing to work on them with. */
export function isWithinReach({ kind }: Target): boolean {
  return kind === 'file' || kind === 'other';
}

/** Looks for everything a run is about: each target it names and, in a scan or when it names none, its folders or the roots. */
export async function lookFor(
  entry: JournalledRun,
  prepared: Prepared,
  environment: RunEnvironment,
  control: RunControl,
): Promise<Finding[]> {
  const { targets, paths } = entry.work.payload;
  const findings: Finding[] = [];
  for (const target of targets) {
    const verdict = await lookAtOne(target, prepared, environment, control);
    findings.push(findingOf(target, verdict));
  }
  if (targets.length > 0 && entry.work.mode !== 'scan') return findings;
  const { places, outside } = placesToScan(paths, environment.roots, prepared);
  const seen = new Set(
    findings.flatMap(({ verdict }) =>
      verdict.is === 'present' ? verdict.sightings.map(({ place }) => pathOf(place)) : [],
    ),
  );
  const idsInUse = new Map(entry.items.map(({ plan }) => [plan.threatId, plan.path]));
  for (const sighting of await scan(places, prepared, environment, control)) {
    const path = pathOf(sighting.place);
    if (seen.has(path)) continue;
    const { name, sha256 } = sighting;
    const threatId = scanThreatId(entry.work.taskId, sha256, path, idsInUse);
    idsInUse.set(threatId, path);
    findings.push({ threatId, name, path, sha256, verdict: { is: 'present', sightings: [sighting] } });
  }
  for (const path of outside) {
    const threatId = scanThreatId(entry.work.taskId, `file${path}`, path, idsInUse);
    findings.push({ threatId, name: 'Not scanned', path, verdict: { is: 'failed', error: 'outside-root' } });
  }
  return findings;
}

async function lookAtOne(
  target: Target,
  prepared: Prepared,
  environment: RunEnvironment,
  control: RunControl,
): Promise<Verdict> {
  if (!isWithinReach(target)) return { is: 'failed', error: `unsupported-kind: ${target.kind}` };
  const { path, sha256 } = target;
  if (path !== undefined) return lookAtTarget({ ...target, path }, environment.roots, prepared, control);
  if (sha256 === undefined) return present(await scanRoots(prepared, environment, control), { is: 'clean' });
  // Only this content is looked for: other threats on the way are not what this task is about.
  const rules = { hashes: new Map([[sha256, target.name ?? 'Reported threat']]), patterns: [] };
  const found = await scanRoots({ ...prepared, rules, query: undefined }, environment, control);
  return present(
    found.filter((sighting) => sighting.sha256 === sha256),
    { is: 'gone' },
  );
}

function scanRoots(prepared: Prepared, environment: RunEnvironment, control: RunControl): Promise<Sighting[]> {
  return scan(
    environment.roots.map((root) => ({ root, names: [] })),
    prepared,
    environment,
    control,
  );
}

function present(sightings: readonly Sighting[], otherwise: Verdict): Verdict {
  return sightings.length > 0 ? { is: 'present', sightings } : otherwise;
}
