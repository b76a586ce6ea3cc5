import type { Severity } from '@quell/contracts/vocabulary';
import { changesState } from '../task/opening.ts';
import type { ClockSettings } from '../task/settings.ts';
import type { Task } from '../task/task.ts';

/** The row of a run in progress: what is due for hand-out, who holds it, and when its clocks end. Times are RFC 3339. */
export interface WorkRow {
  readonly taskId: string;
  readonly endpointId: string;
  readonly agentId: string | null;
  readonly kind: string;
  readonly run: number;
  readonly mode: string;
  readonly attempt: number;
  readonly phase: 'queued' | 'dispatched' | 'accepted';
  readonly changesState: boolean;
  readonly priority: number;
  readonly requestedAt: string;
  readonly notBefore: string;
  readonly firstAcceptedAt: string | null;
  readonly leaseExpiresAt: string | null;
  readonly cancelRequestedAt: string | null;
  readonly queueDueAt: string | null;
  readonly totalDueAt: string | null;
  readonly runDueAt: string | null;
  readonly cancelDueAt: string | null;
}

/** The work row of a task, or undefined when its run has ended. The clocks are those of agent-protocol.md, before any extension. */
export function workRowOf(taskId: string, task: Task, clocks: ClockSettings): WorkRow | undefined {
  if (task.status.code !== 'mitigation-in-progress') return undefined;
  const { run } = task;
  const { phase } = task.status;
  const isOut = phase !== 'queued';
  const accepted = run.firstAcceptedAt;
  const cancel = task.cancel?.run === run.number ? task.cancel : undefined;
  return {
    taskId,
    endpointId: task.endpoint.endpointId,
    agentId: isOut ? (run.agentId ?? null) : null,
    kind: task.kind,
    run: run.number,
    mode: run.mode,
    attempt: task.attempt,
    phase,
    changesState: changesState(run.mode) && !isUnderWayThere(task),
    priority: priorityOf(task),
    requestedAt: run.requestedAt,
    notBefore: run.notBefore,
    firstAcceptedAt: accepted ?? null,
    leaseExpiresAt: isOut ? later(task.updatedAt, clocks.leaseSeconds) : null,
    cancelRequestedAt: cancel?.requestedAt ?? null,
    queueDueAt: accepted === undefined ? later(latest(run.requestedAt, run.notBefore), clocks.queueSeconds) : null,
    totalDueAt: accepted === undefined ? later(run.requestedAt, clocks.totalWaitSeconds) : null,
    runDueAt: accepted === undefined ? null : later(accepted, run.runTimeoutSeconds),
    cancelDueAt: cancel === undefined ? null : later(cancel.requestedAt, 2 * clocks.leaseSeconds),
  };
}

/** A restore that its user started on the endpoint runs already: nothing here decides when it may, until it has to be handed out anew. */
function isUnderWayThere({ run, attempt, status }: Task): boolean {
  if (run.cause !== 'endpoint-restore' || attempt !== run.firstAttempt) return false;
  return status.code === 'mitigation-in-progress' && status.phase !== 'queued';
}

/** Higher is handed out first: what an operator asked to put back, then by severity. */
function priorityOf(task: Task): number {
  if (task.run.mode === 'rollback') return 100;
  if (task.kind === 'threat-mitigation' || task.kind === 'user-initiated-event') return threatPriority(task.severity);
  return rankOf(task.severity);
}

/** The priority of a run against a threat. */
export function threatPriority(severity: Severity): number {
  return 10 + rankOf(severity);
}

function rankOf(severity: Severity): number {
  return severity === 99 ? 0 : severity;
}

function later(time: string, seconds: number): string {
  return new Date(Date.parse(time) + seconds * 1000).toISOString();
}

function latest(a: string, b: string): string {
  return Date.parse(a) >= Date.parse(b) ? a : b;
}
