import type { RunResult } from '@quell/contracts/run-result';
import type { TaskEventData } from '@quell/contracts/task-events';
import type { TaskStatus } from '@quell/contracts/task-status';
import { assertNever } from '@quell/contracts/vocabulary';
import { statusOfExpiry } from './expiry.ts';
import { statusOfResult } from './outcome.ts';
import {
  type CancelOutcome,
  type RecordedTaskEvent,
  type RunEnd,
  type Task,
  type TaskReport,
  type TaskRun,
  withDetection,
} from './task.ts';
import { mergedThreats, restorableAfter } from './threats.ts';

/** Folds one event into a task. Pure: equal events give equal tasks. Throws on a stream that no decision could have written. */
export function evolve(task: Task | undefined, event: RecordedTaskEvent): Task {
  if (event.type === 'TaskOpened') {
    if (task !== undefined) throw new Error('a task is opened once');
    return opened(event.data, event);
  }
  if (task === undefined) throw new Error(`a task's stream starts with TaskOpened, not ${event.type}`);
  const next: Task = { ...task, version: event.version, updatedAt: event.recordedAt };
  switch (event.type) {
    case 'DetectionAttached':
      return { ...next, detections: withDetection(task.detections, event.data.detection) };
    case 'DetectionUpdated':
      return { ...next, severity: event.data.detection.severity };
    case 'TaskDispatched':
      return inPhase(
        next,
        'dispatched',
        {
          firstAttempt: task.run.firstAttempt || event.data.attempt,
          deliveries: task.run.deliveries + 1,
          agentId: event.data.agentId,
          scanCapable: event.data.scanCapable,
          deferred: false,
        },
        { attempt: event.data.attempt },
      );
    case 'TaskAccepted':
      return inPhase(
        next,
        'accepted',
        { firstAcceptedAt: task.run.firstAcceptedAt ?? event.recordedAt },
        { reports: withReport(task, { id: event.id }) },
      );
    case 'AttemptDeferred':
      return inPhase(
        next,
        'queued',
        { deliveries: task.run.deliveries - 1, notBefore: event.data.notBefore, deferred: true },
        { reports: withReport(task, { id: event.id }) },
      );
    case 'AttemptLost': {
      const isReplaced = event.data.reason === 'agent-replaced';
      return inPhase(next, 'queued', {
        lostDeliveries: task.run.lostDeliveries + (isReplaced ? 0 : 1),
        deferred: isReplaced,
      });
    }
    case 'AgentCrashed':
      return { ...next, run: { ...task.run, crashes: task.run.crashes + 1, crashBootId: event.data.bootId } };
    case 'RunReported':
      return afterResult(next, event.data.result, 'reported', event.id);
    case 'TaskLateResult':
      return afterResult(next, event.data.result, 'corrected', event.id);
    case 'ResultRejected': {
      const { pointer, detail } = event.data;
      const rejected = ended(
        next,
        { code: 'agent-component-error', rejected: { pointer, detail } },
        'reported',
        'too-late',
      );
      return { ...rejected, reports: withReport(task, { id: event.id, rejected: { pointer, detail } }) };
    }
    case 'RunExpired':
      return ended(next, statusOfExpiry(task, event.data), 'inferred', 'unanswered');
    case 'MitigationExcepted':
      return ended(next, { code: 'mitigation-exception', exception: event.data.exception }, 'decided', 'too-late');
    case 'PlatformExcluded':
      return ended(
        next,
        { code: 'platform-not-supported', scanOffered: event.data.scanOffered },
        'decided',
        'too-late',
      );
    case 'RunOpened':
      return {
        ...next,
        run: newRun(event.data, event.recordedAt),
        status: { code: 'mitigation-in-progress', phase: 'queued' },
      };
    case 'CancelRequested':
      return { ...next, cancel: { run: event.data.run, requestedAt: event.recordedAt } };
    case 'TaskWithdrawn': {
      const asked: Task = { ...next, cancel: { run: event.data.run, requestedAt: event.recordedAt } };
      return ended(asked, { code: 'incomplete-task', reason: 'cancelled' }, 'withdrawn', 'withdrawn');
    }
    case 'TaskAcknowledged': {
      const { note } = event.data;
      return {
        ...next,
        acknowledged: { at: event.recordedAt, by: event.actor, ...(note === undefined ? {} : { note }) },
      };
    }
    default:
      return assertNever(event);
  }
}

/** Folds a whole stream, oldest event first; undefined when there is none. */
export function foldTask(events: Iterable<RecordedTaskEvent>): Task | undefined {
  let task: Task | undefined;
  for (const event of events) task = evolve(task, event);
  return task;
}

function opened(data: TaskEventData<'TaskOpened'>, event: RecordedTaskEvent): Task {
  const none = { count: 0, ids: [] };
  return {
    kind: data.kind,
    initiator: data.initiator,
    severity: data.severity,
    endpoint: data.endpoint,
    ...(data.threatKey === undefined ? {} : { threatKey: data.threatKey }),
    detections: data.detection === undefined ? none : withDetection(none, data.detection),
    status: { code: 'mitigation-in-progress', phase: 'queued' },
    run: newRun({ ...data, run: 1, cause: 'opened' }, event.recordedAt),
    attempt: 0,
    threats: [],
    restorable: [],
    reports: [],
    openedAt: event.recordedAt,
    updatedAt: event.recordedAt,
    version: event.version,
  };
}

function newRun(
  data: Pick<TaskRun, 'mode' | 'cause' | 'payload' | 'runTimeoutSeconds'> & { run: number },
  at: string,
): TaskRun {
  return {
    number: data.run,
    mode: data.mode,
    cause: data.cause,
    payload: data.payload,
    runTimeoutSeconds: data.runTimeoutSeconds,
    requestedAt: at,
    notBefore: at,
    firstAttempt: 0,
    deliveries: 0,
    lostDeliveries: 0,
    crashes: 0,
    scanCapable: false,
    deferred: false,
  };
}

function inPhase(
  task: Task,
  phase: 'queued' | 'dispatched' | 'accepted',
  run: Partial<TaskRun>,
  rest: Partial<Pick<Task, 'attempt' | 'reports'>> = {},
): Task {
  return { ...task, ...rest, status: { code: 'mitigation-in-progress', phase }, run: { ...task.run, ...run } };
}

function withReport(task: Task, report: TaskReport): readonly TaskReport[] {
  return [...task.reports, report];
}

function afterResult(task: Task, result: RunResult, end: RunEnd, reportId: string): Task {
  const cancelOutcome = result.outcome === 'stopped' ? 'stopped' : 'too-late';
  const after = ended(task, statusOfResult(task, result), end, cancelOutcome);
  const { unlistedThreats } = result;
  return {
    ...after,
    ...(unlistedThreats === undefined ? {} : { run: { ...after.run, unlistedThreats } }),
    threats: mergedThreats(task, result),
    restorable: restorableAfter(task, result),
    reports: withReport(task, end === 'corrected' ? { id: reportId, late: true } : { id: reportId }),
  };
}

function ended(task: Task, status: TaskStatus, end: RunEnd, cancelOutcome: CancelOutcome): Task {
  const asked = task.cancel?.run === task.run.number;
  return {
    ...task,
    status,
    run: { ...task.run, end, endedAt: task.updatedAt },
    ...(asked && task.cancel !== undefined ? { cancel: { ...task.cancel, outcome: cancelOutcome } } : {}),
  };
}
