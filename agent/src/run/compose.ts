import type { ReportedThreat, RunResult } from '@quell/contracts/run-result';
import { assertNever } from '@quell/contracts/vocabulary';
import type { JournalledRun, RunItem } from '../journal/records.ts';
import { fileOf, linksLeftByFile } from './clean.ts';
import type { Finding } from './findings.ts';
import { fitText } from './fit-text.ts';

type End = Pick<ReportedThreat, 'outcome' | 'by' | 'action' | 'error'>;

/** The threats of an assessment: what was seen, nothing done. */
export function assessedThreats(findings: readonly Finding[]): ReportedThreat[] {
  return findings.map((finding) => reported(finding, assessed(finding)));
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
      return { outcome: 'handled-by-security-software', by: fitText(verdict.by, 256), action: 'quarantined' };
    case 'failed':
      return { outcome: 'failed', error: fitText(verdict.error, 1024) };
    default:
      return assertNever(verdict);
  }
}

/** What became of threats that are there and were not dealt with. */
export interface NotCleaned {
  /** Threats of which a file was left because the run has as many backups as its result can name. */
  readonly leftOver?: ReadonlySet<string>;
  /** What to say of any other. */
  readonly why?: string;
}

/** The threats of a run that acts: what was seen joined with what the journal says was done, by this process or by one before a crash. */
export function cleanedThreats(
  findings: readonly Finding[],
  entry: JournalledRun,
  notCleaned: NotCleaned = {},
): ReportedThreat[] {
  const itemsOf = Map.groupBy(entry.items, ({ plan }) => plan.threatId);
  const linksLeft = linksLeftByFile(entry.items);
  const done = new Map<string, ReportedThreat>();
  for (const [threatId, items] of itemsOf) {
    const end = endOf(items, linksLeft);
    const [first] = items;
    if (end === undefined || first === undefined) continue;
    const { name, path, sha256 } = first.plan;
    done.set(threatId, reported({ threatId, name, path, sha256, verdict: { is: 'gone' } }, end));
  }
  const seen = findings.map((finding) =>
    reported(finding, cleaned(finding, entry, done.get(finding.threatId), notCleaned)),
  );
  const ids = new Set(seen.map(({ id }) => id));
  return [...seen, ...[...done.values()].filter(({ id }) => !ids.has(id))];
}

function cleaned(
  finding: Finding,
  entry: JournalledRun,
  done: ReportedThreat | undefined,
  { leftOver, why = 'not dealt with' }: NotCleaned,
): End {
  const { threatId, verdict } = finding;
  if (leftOver?.has(threatId)) {
    return { outcome: 'failed', error: 'left for the next run: this one has as many backups as it can report' };
  }
  const choice = entry.choices[threatId];
  if (choice === 'leave' || choice === 'no-answer') {
    return { outcome: 'left-by-user', action: choice === 'leave' ? 'left' : 'no-answer' };
  }
  // A later look that failed says more than what was done before it: something is there and could not be examined.
  if (done !== undefined && !(verdict.is === 'failed' && done.outcome === 'resolved')) {
    const { outcome, by, action, error } = done;
    return { outcome, ...(by && { by }), ...(action && { action }), ...(error && { error }) };
  }
  return verdict.is === 'present' ? { outcome: 'failed', error: why } : unacted(verdict);
}

/** What all files of one threat come to; the latest item of a path counts. Undefined while one is not ended. */
function endOf(items: readonly RunItem[], linksLeft: ReadonlyMap<string, number>): End | undefined {
  const latest = [...new Map(items.map((item) => [item.plan.nameBytes + item.plan.root, item])).values()];
  if (latest.some(({ end }) => end === undefined)) return undefined;
  for (const { plan, end } of latest) {
    if (end?.outcome === 'failed') return { outcome: 'failed', error: fitText(end.error, 1024) };
    const left = end?.outcome === 'taken' ? (linksLeft.get(fileOf(plan)) ?? 0) : 0;
    if (left > 0) return { outcome: 'failed', error: `hard-links: ${left} other name(s) still hold this content` };
  }
  const isTaken = items.some(({ end }) => end?.outcome === 'taken');
  return isTaken ? { outcome: 'resolved', by: 'quell-agent', action: 'quarantined' } : { outcome: 'gone' };
}

/** What a rollback could put back of this run. */
export function backupsOf(entry: JournalledRun): NonNullable<RunResult['backups']> {
  return entry.items
    .filter(({ end }) => end?.outcome === 'taken')
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
    name: fitText(name, 512),
    ...fitting(path),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...end,
  };
}

/** A path that the contract does not take is left out rather than changed to another path. */
function fitting(path: string | undefined): { path?: string } {
  return path === undefined || path !== fitText(path, 4096) ? {} : { path };
}
