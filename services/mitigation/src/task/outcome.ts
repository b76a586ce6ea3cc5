import type { ReportedThreat, RollbackItem, RunOutcome, RunResult } from '@quell/contracts/run-result';
import type { TaskStatus } from '@quell/contracts/task-status';
import { assertNever, type RunMode } from '@quell/contracts/vocabulary';
import { runsInMode } from './settings.ts';
import { type Task, userChooses } from './task.ts';
import { mergedThreats } from './threats.ts';

/** A result's status, or the place where it breaks the contract (RFC 6901 pointer into the result). */
export type Judgement = { readonly ok: true; readonly status: TaskStatus } | ResultRefusal;
export interface ResultRefusal {
  readonly ok: false;
  readonly pointer: string;
  readonly detail: string;
}

const accept = (status: TaskStatus): Judgement => ({ ok: true, status });
const refuse = (pointer: string, detail: string): ResultRefusal => ({ ok: false, pointer, detail });

/**
 * What a result of the task's latest run folds to. Total: every kind × mode × outcome gives a status or a refusal.
 * Source: statuses.md, "The fold when an agent reports the end of a run", rules 0–4.
 */
export function judgeResult(task: Task, result: RunResult): Judgement {
  const refusal =
    outcomeRefusal(task, result) ??
    threatsRefusal(task, result) ??
    backupsRefusal(task, result) ??
    itemsRefusal(task, result);
  if (refusal !== undefined) return refusal;
  switch (result.outcome) {
    case 'assessed':
      return judgeAssessed(task, result);
    case 'finished':
      return judgeFinished(task, result);
    case 'rolled-back':
    case 'rollback-failed':
      return judgeRollback(task, result.items ?? []);
    case 'stopped':
      return accept({ code: 'incomplete-task', reason: 'cancelled' });
    case 'platform-not-supported':
      return accept({ code: 'platform-not-supported', scanOffered: task.run.scanCapable && task.run.mode !== 'scan' });
    case 'component-restart-required':
      return accept({
        code: task.kind === 'threat-mitigation' ? 'agent-component-restart-required' : 'agent-component-error',
        ...(result.component === undefined ? {} : { component: result.component }),
      });
    case 'component-error':
      return accept({
        code: 'agent-component-error',
        ...(result.component === undefined ? {} : { component: result.component }),
      });
    case 'configuration-corrupted':
      return accept({
        code: 'corrupted-configuration',
        ...(result.configurationFile === undefined ? {} : { configurationFile: result.configurationFile }),
      });
    case 'pattern-not-found':
      return accept({
        code: 'pattern-not-found',
        ...(result.patternId === undefined ? {} : { patternId: result.patternId }),
      });
    case 'scan-query-unsendable':
      return accept({ code: 'cannot-send-scan-query' });
    default:
      return assertNever(result.outcome);
  }
}

/** The modes that an outcome can end. The others, faults and `stopped`, can end a run of every mode. */
const modesEnded: Partial<Readonly<Record<RunOutcome, readonly RunMode[]>>> = {
  assessed: ['assess'],
  finished: ['mitigate', 'scan'],
  'rolled-back': ['rollback'],
  'rollback-failed': ['rollback'],
};

function outcomeRefusal(task: Task, { outcome }: RunResult): ResultRefusal | undefined {
  const { mode, number } = task.run;
  if (!runsInMode(task.kind, mode)) return refuse('/outcome', `a ${task.kind} task has no run in mode ${mode}`);
  if (modesEnded[outcome]?.includes(mode) === false) {
    return refuse('/outcome', `a run in mode ${mode} cannot end as ${outcome}`);
  }
  if (outcome === 'stopped' && task.cancel?.run !== number) return refuse('/outcome', 'nobody asked this run to stop');
  return undefined;
}

function judgeAssessed(task: Task, result: RunResult): Judgement {
  const threats = mergedThreats(task, result);
  if (threats.some(({ outcome }) => outcome === 'found')) return accept({ code: 'manual-cleanup-needed' });
  return accept(statusOfThreats(task, threats, result.bypassedFiles));
}

function judgeFinished(task: Task, result: RunResult): Judgement {
  const reported = result.threats ?? [];
  const stillFound = reported.findIndex(({ outcome }) => outcome === 'found');
  if (stillFound >= 0) return refuse(`/threats/${stillFound}/outcome`, 'a finished run leaves no threat as found');
  const answered = new Set(reported.map(({ id }) => id));
  const missing = task.run.payload.targets.find(({ id }) => !answered.has(id));
  if (missing !== undefined) return refuse('/threats', `the target ${missing.id} has no answer`);
  return accept(statusOfThreats(task, mergedThreats(task, result), result.bypassedFiles));
}

/** A threat has one outcome, so that no answer hides another; only a user who was asked can leave one. */
function threatsRefusal(task: Task, { threats = [] }: RunResult): ResultRefusal | undefined {
  const outcomes = new Map<string, string>();
  for (const [index, { id, outcome }] of threats.entries()) {
    if ((outcomes.get(id) ?? outcome) !== outcome) {
      return refuse(`/threats/${index}/outcome`, `this threat is reported as ${outcomes.get(id)} as well`);
    }
    outcomes.set(id, outcome);
    if (outcome === 'left-by-user' && !userChooses(task)) {
      return refuse(`/threats/${index}/outcome`, 'only an on-demand scan by the user lets the user leave threats');
    }
  }
  return undefined;
}

function backupsRefusal(task: Task, { backups }: RunResult): ResultRefusal | undefined {
  const { mode } = task.run;
  if (mode === 'mitigate' || mode === 'scan' || !backups?.length) return undefined;
  return refuse('/backups', `a run in mode ${mode} changes nothing that could be backed up`);
}

/** Items answer what a rollback run was handed, each once; another run was handed none. */
function itemsRefusal(task: Task, { items }: RunResult): ResultRefusal | undefined {
  if (!items?.length) return undefined;
  const { mode, payload } = task.run;
  if (mode !== 'rollback') return refuse('/items', `a run in mode ${mode} restores no items`);
  const handed = new Set(payload.items?.map(({ id }) => id));
  const answered = new Set<string>();
  for (const [index, { id }] of items.entries()) {
    if (!handed.has(id)) return refuse(`/items/${index}/id`, 'this item was not handed out');
    if (answered.has(id)) return refuse(`/items/${index}/id`, 'this item is answered twice');
    answered.add(id);
  }
  return undefined;
}

/** Rules 1–4 over all threats of the task. */
function statusOfThreats(task: Task, threats: readonly ReportedThreat[], bypassedFiles?: number): TaskStatus {
  if (threats.length === 0) {
    return { code: 'no-threat-found', ...(bypassedFiles ? { bypassedFiles } : {}) };
  }
  const of = (outcome: ReportedThreat['outcome']) => threats.filter((threat) => threat.outcome === outcome);
  const failed = of('failed');
  const left = of('left-by-user');
  if (userChooses(task) && left.length > 0) {
    const unanswered = left.every(({ action }) => action === 'no-answer') ? ({ reason: 'no-answer' } as const) : {};
    if (left.length === threats.length) return { code: 'no-action-on-threats', left, ...unanswered };
    if (failed.length > 0) return { code: 'not-all-selected-threats-resolved', failed, left };
    return { code: 'selected-threats-resolved', left, ...unanswered };
  }
  if (failed.length > 0) return { code: 'not-all-threats-resolved', failed };
  if (of('resolved').length > 0 || task.kind !== 'threat-mitigation') return { code: 'all-threats-resolved' };
  const [handled] = of('handled-by-security-software');
  if (handled !== undefined) {
    return {
      code: 'security-software-took-action',
      ...(handled.by === undefined ? {} : { by: handled.by }),
      ...(handled.action === undefined ? {} : { action: handled.action }),
    };
  }
  return { code: of('gone').length > 0 ? 'threat-no-longer-exists' : 'potential-threat-resolved' };
}

function judgeRollback(task: Task, items: readonly RollbackItem[]): Judgement {
  const answered = new Set(items.map(({ id }) => id));
  const missing = task.run.payload.items?.find(({ id }) => !answered.has(id));
  if (missing !== undefined) return refuse('/items', `the item ${missing.id} has no answer`);
  const failed = items.filter(({ restored }) => !restored);
  return accept(
    failed.length === 0 ? { code: 'rollback-successful' } : { code: 'rollback-unsuccessful', items: failed },
  );
}
