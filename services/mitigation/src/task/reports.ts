import { jsonPointer } from '@quell/contracts/problem';
import { runResult } from '@quell/contracts/run-result';
import type { TaskEvent } from '@quell/contracts/task-events';
import { assertNever } from '@quell/contracts/vocabulary';
import { judgeResult, type ResultRefusal } from './result-contract.ts';
import { isInProgress, type Task, type TaskReport } from './task.ts';

/** What an agent says about one attempt, with the id under which it would stand in the stream. Times are RFC 3339. */
export type Report =
  | { readonly type: 'accepted'; readonly bootId?: string }
  | { readonly type: 'busy'; readonly notBefore: string }
  | { readonly type: 'started' | 'progress' }
  | { readonly type: 'result'; readonly data: unknown };

/**
 * The answer to a report: 200 taken (or already known, or nothing to keep), 404 no such attempt, 409 a stale attempt, 410 it is over,
 * 422 the result does not fit. `events` are what it adds to the stream.
 */
export interface ReportAnswer {
  readonly code: 200 | 404 | 409 | 410 | 422;
  readonly events: readonly TaskEvent[];
  readonly late?: true;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

const answer = (code: ReportAnswer['code'], ...events: TaskEvent[]): ReportAnswer => ({ code, events });

/**
 * Decides what a report of an agent does. Reports are idempotent and ordered within an attempt; those of an old attempt, of another
 * agent or after the end change nothing. Source: agent-protocol.md, Delivery, and the laws of statuses.md.
 */
export function report(task: Task, attempt: number, agentId: string, reportId: string, said: Report): ReportAnswer {
  const before = task.reports.find(({ id }) => id === reportId);
  if (before !== undefined) return answerAgain(before);
  if (attempt < 1 || attempt > task.attempt) return answer(404);
  // The latest attempt may be one of an earlier run: then nobody holds the new run yet.
  if (attempt < task.attempt || task.run.agentId !== agentId) return answer(409);
  if (!isInProgress(task)) return afterTheEnd(task, attempt, said);
  if (task.run.deferred) return answer(409);
  // Once a delivery counts as lost only its result still counts: the run is handed out anew, and the agent resumes it then.
  if (isQueued(task) && said.type !== 'result') return answer(409);
  switch (said.type) {
    case 'accepted':
      return accepted(task, attempt, agentId, said.bootId);
    case 'busy':
      return busy(task, attempt, said.notBefore);
    case 'started':
    case 'progress':
      return answer(200);
    case 'result':
      return result(task, attempt, said.data);
    default:
      return assertNever(said);
  }
}

function answerAgain({ late, rejected }: TaskReport): ReportAnswer {
  if (rejected !== undefined) return { ...answer(422), errors: [rejected] };
  return late ? { ...answer(200), late } : answer(200);
}

function isQueued(task: Task): boolean {
  return task.status.code === 'mitigation-in-progress' && task.status.phase === 'queued';
}

function accepted(task: Task, attempt: number, agentId: string, bootId?: string): ReportAnswer {
  const isAccepted = task.status.code === 'mitigation-in-progress' && task.status.phase === 'accepted';
  if (isAccepted) return answer(200);
  // A lease not yet accepted counts as running: once a stop is asked for, the agent must not begin.
  if (task.cancel?.run === task.run.number) return answer(410);
  return answer(200, {
    type: 'TaskAccepted',
    data: { run: task.run.number, attempt, agentId, ...(bootId === undefined ? {} : { bootId }) },
  });
}

function busy(task: Task, attempt: number, notBefore: string): ReportAnswer {
  const isDispatched = task.status.code === 'mitigation-in-progress' && task.status.phase === 'dispatched';
  if (!isDispatched) return answer(409);
  return answer(200, { type: 'AttemptDeferred', data: { run: task.run.number, attempt, notBefore } });
}

function result(task: Task, attempt: number, data: unknown): ReportAnswer {
  const read = readResult(task, data);
  const run = task.run.number;
  if (read.ok) return answer(200, { type: 'RunReported', data: { run, attempt, result: read.result } });
  const { pointer, detail } = read;
  return {
    ...answer(422, { type: 'ResultRejected', data: { run, attempt, pointer, detail } }),
    errors: [{ pointer, detail }],
  };
}

/** One late result corrects an inferred end, once; anything else finds the run over. */
function afterTheEnd(task: Task, attempt: number, said: Report): ReportAnswer {
  if (said.type !== 'result' || task.run.end !== 'inferred' || task.run.deferred) return answer(410);
  const read = readResult(task, said.data);
  if (!read.ok) return { ...answer(422), errors: [{ pointer: read.pointer, detail: read.detail }] };
  const event: TaskEvent = { type: 'TaskLateResult', data: { run: task.run.number, attempt, result: read.result } };
  return { ...answer(200, event), late: true };
}

function readResult(task: Task, data: unknown) {
  const parsed = runResult.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place: ResultRefusal = {
      ok: false,
      pointer: jsonPointer(issue?.path ?? []),
      detail: issue?.message ?? 'does not fit the contract',
    };
    return place;
  }
  const judgement = judgeResult(task, parsed.data);
  return judgement.ok ? { ok: true as const, result: parsed.data } : judgement;
}
