import type { RestoreItem, RunPayload } from '@quell/contracts/run-payload';
import { MAX_LISTED } from '@quell/contracts/run-result';
import { statusEntry } from '@quell/contracts/status-catalogue';
import type { RunCause } from '@quell/contracts/task-events';
import type { RunMode } from '@quell/contracts/vocabulary';
import { type Decision, decided, refused } from './decision.ts';
import { type ClockSettings, runTimeoutSeconds } from './settings.ts';
import { isInProgress, type Task } from './task.ts';
import { looksEverywhere, targetsLeft } from './threats.ts';

/** Run Cleanup: what an assessment found is cleaned by a new run. From status 8 only. */
export function runCleanup(task: Task, clocks: ClockSettings): Decision {
  if (task.status.code !== 'manual-cleanup-needed') {
    return refused(
      'wrong-status',
      `Run Cleanup is for an assessed endpoint that needs manual cleanup; this task is "${label(task)}"`,
    );
  }
  return newRun(task, clocks, 'run-cleanup', 'mitigate', cleaningPayload(task));
}

/** Statuses that ask for another command than retry. */
const notRetried = new Set([
  'manual-cleanup-needed',
  'selected-threats-resolved',
  'no-action-on-threats',
  'rollback-unsuccessful',
]);

/** Retry: a new run of the same mode. From an action-required status, but not 8, 10, 11, 23. */
export function retry(task: Task, clocks: ClockSettings, cause: RunCause = 'retry'): Decision {
  if (isInProgress(task)) return refused('in-progress', 'the task is still in progress');
  if (!statusEntry(task.status.code).actionRequired || notRetried.has(task.status.code)) {
    return refused('wrong-status', `a task that is "${label(task)}" is not retried`);
  }
  const payload = retryPayload(task);
  if (task.run.mode === 'rollback' && !payload.items?.length) {
    return refused('nothing-to-restore', 'everything this rollback was to put back is restored');
  }
  return newRun(task, clocks, cause, task.run.mode, payload);
}

/** Rollback: puts back what mitigation backed up and nobody restored yet. From any end. */
export function rollback(task: Task, clocks: ClockSettings): Decision {
  if (isInProgress(task)) return refused('in-progress', 'the task is still in progress: cancel it or wait for its end');
  if (task.restorable.length === 0)
    return refused('nothing-to-restore', 'the task has nothing backed up that is not restored yet');
  return newRun(task, clocks, 'rollback', 'rollback', restorePayload(task, task.restorable));
}

/**
 * Cancel. A run that was never handed out is withdrawn; otherwise the agent is asked to stop, and the end comes with its answer
 * (or when two leases pass without one).
 */
export function cancel(task: Task): Decision {
  if (!isInProgress(task)) return refused('not-in-progress', `the task ended already: "${label(task)}"`);
  const run = task.run.number;
  if (task.cancel?.run === run) return decided();
  return decided(
    task.run.firstAttempt === 0 ? { type: 'TaskWithdrawn', data: { run } } : { type: 'CancelRequested', data: { run } },
  );
}

/** Acknowledge: an operator has seen it and takes responsibility. A second time changes nothing. */
export function acknowledge(task: Task, note?: string): Decision {
  if (isInProgress(task)) return refused('in-progress', 'only an ended task can be acknowledged');
  if (task.acknowledged !== undefined) return decided();
  return decided({ type: 'TaskAcknowledged', data: note === undefined ? {} : { note } });
}

/** Restore on the endpoint: its user started it there, so the rollback run opens already handed out and accepted. */
export function restoreOnEndpoint(
  task: Task,
  clocks: ClockSettings,
  request: { agentId: string; items?: readonly string[]; scanCapable: boolean },
): Decision {
  if (isInProgress(task)) return refused('in-progress', 'another run of this task is open');
  const items = task.restorable.filter(({ id }) => request.items?.includes(id) ?? true);
  if (items.length === 0) return refused('nothing-to-restore', 'none of these items is backed up and not restored yet');
  const opened = newRun(task, clocks, 'endpoint-restore', 'rollback', restorePayload(task, items));
  if (!opened.ok) return opened;
  const run = task.run.number + 1;
  const attempt = task.attempt + 1;
  const { agentId, scanCapable } = request;
  return decided(
    ...opened.events,
    { type: 'TaskDispatched', data: { run, attempt, agentId, leaseSeconds: clocks.leaseSeconds, scanCapable } },
    { type: 'TaskAccepted', data: { run, attempt, agentId } },
  );
}

function newRun(task: Task, clocks: ClockSettings, cause: RunCause, mode: RunMode, payload: RunPayload): Decision {
  return decided({
    type: 'RunOpened',
    data: {
      run: task.run.number + 1,
      mode,
      cause,
      payload,
      runTimeoutSeconds: runTimeoutSeconds(clocks, mode, payload),
    },
  });
}

function retryPayload(task: Task): RunPayload {
  switch (task.run.mode) {
    case 'scan':
      return task.run.payload;
    case 'rollback': {
      const asked = new Set(task.run.payload.items?.map(({ id }) => id));
      return restorePayload(
        task,
        task.restorable.filter(({ id }) => asked.has(id)),
      );
    }
    default:
      // A look at everything that did not come to its end has to be repeated whole: it may not have seen all threats.
      return looksEverywhere(task) && task.status.code !== 'not-all-threats-resolved'
        ? task.run.payload
        : cleaningPayload(task);
  }
}

function cleaningPayload(task: Task): RunPayload {
  // Nobody can name the threats that a result had no room for: the new run looks for them as the last one did.
  if (looksEverywhere(task) && task.run.unlistedThreats !== undefined) return task.run.payload;
  const { items: _items, ...payload } = task.run.payload;
  const left = targetsLeft(task);
  // No target at all would tell the agent to scan its roots, which nobody asked for.
  return { ...payload, targets: left.length > 0 ? left : payload.targets };
}

/** As many items as a run takes; the others stay restorable for the next one. */
function restorePayload(task: Task, items: readonly RestoreItem[]): RunPayload {
  return { ...task.run.payload, targets: [], items: items.slice(0, MAX_LISTED) };
}

function label(task: Task): string {
  return statusEntry(task.status.code).label;
}
