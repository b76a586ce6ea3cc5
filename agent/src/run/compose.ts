import type { ReportedThreat, RunResult } from '@quell/contracts/run-result';
import { assertNever } from '@quell/contracts/vocabulary';
import type { JournalledRun, RunItem } from '../journal/records.ts';
import { linksLeft } from './clean.ts';
import type { Finding } from './findings.ts';

const MAX_LISTED = 10_000;

type End = Pick<ReportedThreat, 'outcome' | 'by' | 'action' | 'error'>;

/** The threats of an assessment: what was seen, nothing done. */
export function assessedThreats(findings: readonly Finding[]): ReportedThreat[] {
  return listed(findings.map((finding) => reported(finding, assessed(finding))));
}

function assessed({ verdict }: Finding): End {
  return verdict.is === 'present' ? { outcome: 'found' } : unacted(verdict);
}

function unacted(verdict: Exclude<Finding['verdict'], { is: 'present' }>): End {
  switch (verdict.is) {
    case 'gone':
      return { outcome: 'gone' };
    case 'clean':
      return { outcome: 'confirmed-safe' };
    case 'handled':
      return { outcome: 'handled-by-security-software', by: verdict.by, action: 'quarantined' };
    case 'failed':
      return { outcome: 'failed', error: verdict.error.slice(0, 1024) };
    default:
      return assertNever(verdict);
  }
}

/**
 * The threats of a run that acts: what was seen joined with what the journal says was done, by this process or by one before a crash.
 *
 * @param unhandled what to say of a threat that is there and was not dealt with, because the run was told to stop
 */
export function cleanedThreats(
  findings: readonly Finding[],
  entry: JournalledRun,
  unhandled?: string,
): ReportedThreat[] {
  const done = new Map<string, ReportedThreat>();
  for (const { plan } of entry.items) {
    const { threatId, name, path, sha256 } = plan;
    const end = endOf(
      entry.items.filter((item) => item.plan.threatId === threatId),
      entry.items,
    );
    if (end === undefined || done.has(threatId)) continue;
    done.set(threatId, reported({ threatId, name, path, sha256, verdict: { is: 'gone' } }, end));
  }
  const seen = findings.map((finding) =>
    reported(finding, cleaned(finding, entry, done.get(finding.threatId), unhandled)),
  );
  const ids = new Set(seen.map(({ id }) => id));
  return listed([...seen, ...[...done.values()].filter(({ id }) => !ids.has(id))]);
}

function cleaned(finding: Finding, entry: JournalledRun, done?: ReportedThreat, unhandled = 'not dealt with'): End {
  const { threatId, verdict } = finding;
  const choice = entry.choices[threatId];
  if (choice === 'leave' || choice === 'no-answer') {
    return { outcome: 'left-by-user', action: choice === 'leave' ? 'left' : 'no-answer' };
  }
  // A later look that failed says more than what was done before it: something is there and could not be examined.
  if (done !== undefined && !(verdict.is === 'failed' && done.outcome === 'resolved')) {
    const { outcome, by, action, error } = done;
    return { outcome, ...(by && { by }), ...(action && { action }), ...(error && { error }) };
  }
  return verdict.is === 'present' ? { outcome: 'failed', error: unhandled } : unacted(verdict);
}

/** What all files of one threat come to; the latest item of a path counts. Undefined while one is not ended. */
function endOf(items: readonly RunItem[], all: readonly RunItem[]): End | undefined {
  const latest = [...new Map(items.map((item) => [item.plan.nameBytes + item.plan.root, item])).values()];
  if (latest.some(({ end }) => end === undefined)) return undefined;
  for (const { plan, end } of latest) {
    if (end?.outcome === 'failed') return { outcome: 'failed', error: end.error.slice(0, 1024) };
    const left = end?.outcome === 'taken' ? linksLeft(all, plan) : 0;
    if (left > 0) return { outcome: 'failed', error: `hard-links: ${left} other name(s) still hold this content` };
  }
  const isTaken = items.some(({ end }) => end?.outcome === 'taken');
  return isTaken ? { outcome: 'resolved', by: 'quell-agent', action: 'quarantined' } : { outcome: 'gone' };
}

/** What a rollback could put back of this run. */
export function backupsOf(entry: JournalledRun): NonNullable<RunResult['backups']> {
  return entry.items
    .filter(({ end }) => end?.outcome === 'taken')
    .slice(0, MAX_LISTED)
    .map(({ plan: { backupId, threatId, path } }) => ({
      id: backupId,
      threatId,
      kind: 'file' as const,
      ...fitting(path),
    }));
}

function reported({ threatId, name, path, sha256 }: Finding, end: End): ReportedThreat {
  return {
    id: threatId,
    name: name.slice(0, 512),
    ...fitting(path),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...end,
  };
}

/** A path longer than the contract allows is left out rather than cut to another path. */
function fitting(path: string | undefined): { path?: string } {
  return path === undefined || path.length > 4096 ? {} : { path };
}

/** What needs somebody comes first, should there be more than a result may list. */
function listed(threats: readonly ReportedThreat[]): ReportedThreat[] {
  if (threats.length <= MAX_LISTED) return [...threats];
  const isOpen = ({ outcome }: ReportedThreat) =>
    outcome === 'failed' || outcome === 'found' || outcome === 'left-by-user';
  return [...threats.filter(isOpen), ...threats.filter((threat) => !isOpen(threat))].slice(0, MAX_LISTED);
}
