import type { RestoreItem, Target } from '@quell/contracts/run-payload';
import { goodOutcomes, MAX_LISTED, type ReportedThreat, type RunResult } from '@quell/contracts/run-result';
import type { Task } from './task.ts';

/** Runs that look at everything, so that what they do not mention is no longer there: scans, and runs without a target. */
export function looksEverywhere(task: Task): boolean {
  const { mode, payload } = task.run;
  return mode === 'scan' || (mode !== 'rollback' && payload.targets.length === 0);
}

/**
 * The task's threats after a result: merged by id, the last outcome wins, but `gone` never replaces a good outcome, a threat that a
 * finished scan no longer reports becomes `gone`, and the threat of a restored item is `found` again (statuses.md, the fold).
 */
export function mergedThreats(task: Task, result: RunResult): ReportedThreat[] {
  const merged = new Map(task.threats.map((threat) => [threat.id, threat]));
  const reported = new Set<string>();
  for (const threat of result.threats ?? []) {
    reported.add(threat.id);
    const before = merged.get(threat.id);
    if (threat.outcome === 'gone' && before !== undefined && goodOutcomes.has(before.outcome)) continue;
    merged.set(threat.id, threat);
  }
  // A result that had no room for all its threats says nothing of those it does not list.
  const listsAll = result.unlistedThreats === undefined;
  if ((result.outcome === 'finished' || result.outcome === 'assessed') && listsAll && looksEverywhere(task)) {
    for (const [id, threat] of merged) {
      if (!reported.has(id) && !goodOutcomes.has(threat.outcome)) merged.set(id, { ...threat, outcome: 'gone' });
    }
  }
  const restored = new Set(result.items?.filter((item) => item.restored).map(({ id }) => id));
  for (const { id, threatId } of task.restorable) {
    const threat = merged.get(threatId);
    if (!restored.has(id) || threat === undefined) continue;
    const { by: _by, action: _action, error: _error, ...bare } = threat;
    merged.set(threatId, { ...bare, outcome: 'found' });
  }
  return [...merged.values()];
}

/** What a rollback could put back after a result: new backups come in, restored ones go out. */
export function restorableAfter(task: Task, result: RunResult): RestoreItem[] {
  const items = new Map(task.restorable.map((item) => [item.id, item]));
  if (task.run.mode === 'rollback') {
    for (const { id, restored } of result.items ?? []) if (restored) items.delete(id);
  } else {
    for (const backup of result.backups ?? []) items.set(backup.id, backup);
  }
  return [...items.values()];
}

/**
 * What a new mitigate or assess run is handed: every target and every reported threat that has no good outcome yet, as many as a run
 * takes. The others keep the task from counting as resolved, so that the next run gets them.
 */
export function targetsLeft(task: Task): Target[] {
  const outcomeOf = new Map(task.threats.map((threat) => [threat.id, threat]));
  const isLeft = (id: string) => {
    const threat = outcomeOf.get(id);
    return threat === undefined || !goodOutcomes.has(threat.outcome);
  };
  const left = task.run.payload.targets.filter(({ id }) => isLeft(id));
  const known = new Set(left.map(({ id }) => id));
  for (const { id, name, path, sha256 } of task.threats) {
    if (known.has(id) || !isLeft(id)) continue;
    left.push({
      id,
      kind: 'file',
      name,
      ...(path === undefined ? {} : { path }),
      ...(sha256 === undefined ? {} : { sha256 }),
    });
  }
  return left.slice(0, MAX_LISTED);
}
