import type { TaskAfter } from '@quell/contracts/task';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import type { StatusCode } from '@quell/contracts/task-status';
import type { Severity } from '@quell/contracts/vocabulary';
import { releasingStatuses } from '@quell/contracts/vpn-posture';

/** A record of `tasks.v1` as posture reads it. Times are RFC 3339. */
export interface TaskRecord {
  readonly taskId: string;
  readonly after: TaskAfter & { readonly status: StatusCode };
  /** When its event was recorded. */
  readonly at: string;
  /** JSON Pointers of lists that the record leaves out. */
  readonly omitted?: readonly string[] | undefined;
}

/** What the records of one task say about its threats. */
export interface TaskPosture {
  readonly taskId: string;
  readonly version: number;
  readonly endpoint: TaskEndpoint;
  readonly status: StatusCode;
  readonly severity: Severity;
  /** Every threat that the task ever named. Without one (a scan that reported none yet) it says nothing. */
  readonly threatKeys: readonly string[];
  readonly acknowledged: boolean;
  readonly runOpenedAt: string;
  /** Since when it has stood unresolved with a known threat, without interruption; absent: it does not. */
  readonly since?: string;
}

/**
 * Folds a record. The greatest version holds: repeats and older records change nothing. A record that leaves out its threats adds
 * `task:<taskId>` in their place, which no other task can resolve: they are unknown, so they stand until this task does.
 */
export function withRecord(before: TaskPosture | undefined, record: TaskRecord): TaskPosture {
  const { taskId, after, at } = record;
  if (before !== undefined && after.version <= before.version) return before;
  const omits = (pointer: string) => record.omitted?.includes(pointer) === true;
  const named = omits('/after/threatKeys') ? [unlistedKey(taskId)] : after.threatKeys;
  const threatKeys = [...new Set([...(before?.threatKeys ?? []), ...named])];
  const stands = threatKeys.length > 0 && !releasingStatuses.includes(after.status);
  return {
    taskId,
    version: after.version,
    endpoint: omits('/after/endpoint/ips') ? { ...after.endpoint, ips: before?.endpoint.ips ?? [] } : after.endpoint,
    status: after.status,
    severity: after.severity,
    threatKeys,
    acknowledged: after.acknowledged,
    // Records of the first release do not say it: then the task's first record counts.
    runOpenedAt: after.runOpenedAt ?? before?.runOpenedAt ?? at,
    ...(stands ? { since: before?.since ?? at } : {}),
  };
}

/** Stands for the threats of a task that names too many to list. */
function unlistedKey(taskId: string): string {
  return `task:${taskId}`;
}

/**
 * Whether `a` decides over `b` about a threat that both name: whose latest run opened later, for that is who touched the threat last (an
 * older task that is rolled back puts it back). Equal times: the greater id.
 */
export function isNewer(
  a: Pick<TaskPosture, 'runOpenedAt' | 'taskId'>,
  b: Pick<TaskPosture, 'runOpenedAt' | 'taskId'>,
): boolean {
  const order = Date.parse(a.runOpenedAt) - Date.parse(b.runOpenedAt);
  return order === 0 ? a.taskId > b.taskId : order > 0;
}

/** A threat on an endpoint, and the task that decides how it stands. */
export interface ThreatTask {
  readonly threatKey: string;
  readonly task: TaskPosture;
}

/** For each endpoint and threat that the tasks name, the newest of them. */
export function newestByThreat(tasks: Iterable<TaskPosture>): ThreatTask[] {
  const newest = new Map<string, ThreatTask>();
  for (const task of tasks) {
    for (const threatKey of task.threatKeys) {
      const key = `${task.endpoint.endpointId}|${threatKey}`;
      const other = newest.get(key);
      if (other === undefined || isNewer(task, other.task)) newest.set(key, { threatKey, task });
    }
  }
  return [...newest.values()];
}
