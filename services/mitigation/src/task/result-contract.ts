import type { RunOutcome, RunResult } from '@quell/contracts/run-result';
import type { TaskStatus } from '@quell/contracts/task-status';
import type { RunMode } from '@quell/contracts/vocabulary';
import { statusOfResult } from './outcome.ts';
import { runsInMode } from './settings.ts';
import { type Task, userChooses } from './task.ts';

/** The place where a result breaks the contract (RFC 6901 pointer into the result), and why. */
export interface ResultRefusal {
  readonly ok: false;
  readonly pointer: string;
  readonly detail: string;
}
export type Judgement = { readonly ok: true; readonly status: TaskStatus } | ResultRefusal;

const refuse = (pointer: string, detail: string): ResultRefusal => ({ ok: false, pointer, detail });

/** Whether a result of the task's latest run is taken, and what it then folds to. Complete: every kind × mode × outcome is one of the two. */
export function judgeResult(task: Task, result: RunResult): Judgement {
  return refusalOf(task, result) ?? { ok: true, status: statusOfResult(task, result) };
}

function refusalOf(task: Task, result: RunResult): ResultRefusal | undefined {
  return (
    outcomeRefusal(task, result) ??
    threatsRefusal(task, result) ??
    backupsRefusal(task, result) ??
    itemsRefusal(task, result) ??
    unansweredRefusal(task, result)
  );
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

/** A run that ended by itself answers for everything it was handed. */
function unansweredRefusal(task: Task, { outcome, threats = [], items = [] }: RunResult): ResultRefusal | undefined {
  const { targets, items: handed } = task.run.payload;
  if (outcome === 'finished') {
    const stillFound = threats.findIndex((threat) => threat.outcome === 'found');
    if (stillFound >= 0) return refuse(`/threats/${stillFound}/outcome`, 'a finished run leaves no threat as found');
    const answered = new Set(threats.map(({ id }) => id));
    const missing = targets.find(({ id }) => !answered.has(id));
    return missing === undefined ? undefined : refuse('/threats', `the target ${missing.id} has no answer`);
  }
  if (outcome === 'rolled-back' || outcome === 'rollback-failed') {
    const answered = new Set(items.map(({ id }) => id));
    const missing = handed?.find(({ id }) => !answered.has(id));
    return missing === undefined ? undefined : refuse('/items', `the item ${missing.id} has no answer`);
  }
  return undefined;
}
