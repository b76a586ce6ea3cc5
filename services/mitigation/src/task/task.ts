import type { RestoreItem, RunPayload } from '@quell/contracts/run-payload';
import type { ReportedThreat } from '@quell/contracts/run-result';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import type { RunCause, TakenDetection, TaskEvent } from '@quell/contracts/task-events';
import type { TaskStatus } from '@quell/contracts/task-status';
import type { RunMode, Severity, TaskInitiator, TaskKind } from '@quell/contracts/vocabulary';

/** A task event as it stands in the store: what `evolve` may know of its envelope. Times are RFC 3339. */
export type RecordedTaskEvent = TaskEvent & {
  readonly id: string;
  readonly version: number;
  readonly recordedAt: string;
  readonly actor: string;
};

/** How the current run ended. Only an inferred end can still be corrected, by one late result. */
export type RunEnd = 'reported' | 'inferred' | 'decided' | 'withdrawn' | 'corrected';

/** The latest run of a task. A run starts at opening and with each command; an attempt is one delivery of it. */
export interface TaskRun {
  readonly number: number;
  readonly mode: RunMode;
  readonly cause: RunCause | 'opened';
  readonly payload: RunPayload;
  readonly runTimeoutSeconds: number;
  readonly requestedAt: string;
  /** Earliest hand-out: moved by `busy`. */
  readonly notBefore: string;
  /** Number of the run's first attempt; 0 before the first hand-out. */
  readonly firstAttempt: number;
  /** Hand-outs that the agent did not give back as busy. */
  readonly deliveries: number;
  /** Deliveries that their agent did not know; those taken from a replaced agent are none. */
  readonly lostDeliveries: number;
  readonly crashes: number;
  /** The agent's boot after its latest crash: a check-in from the same boot is no further crash. */
  readonly crashBootId?: string;
  readonly firstAcceptedAt?: string;
  /** The agent of the run's latest hand-out; nobody's before the first. */
  readonly agentId?: string;
  /** Whether the agent of the latest hand-out can scan: what status 14 offers. */
  readonly scanCapable: boolean;
  /** The latest attempt was given back as busy, or its agent was replaced: reports under it are stale. */
  readonly deferred: boolean;
  readonly end?: RunEnd;
  /** Threats that the run's result had no room for. */
  readonly unlistedThreats?: number;
  /** When the run ended, first or by correction. */
  readonly endedAt?: string;
}

/** What is remembered of the detections a task took. `ids` holds the latest hundred; `count` counts them all. */
export interface TaskDetections {
  readonly count: number;
  readonly firstSeenAt?: string;
  readonly lastSeenAt?: string;
  readonly ids: readonly string[];
}

/** A report that stands in the stream, with what its answer said beside "taken". */
export interface TaskReport {
  readonly id: string;
  readonly late?: true;
  readonly rejected?: { readonly pointer: string; readonly detail: string };
}

export type CancelOutcome = 'withdrawn' | 'stopped' | 'unanswered' | 'too-late';

export interface TaskCancel {
  readonly run: number;
  readonly requestedAt: string;
  readonly outcome?: CancelOutcome;
}

/** A task: the fold of its events. `status` is one of the 23, with the facts behind it. */
export interface Task {
  readonly kind: TaskKind;
  readonly initiator: TaskInitiator;
  readonly severity: Severity;
  readonly endpoint: TaskEndpoint;
  readonly threatKey?: string;
  readonly detections: TaskDetections;
  readonly status: TaskStatus;
  readonly run: TaskRun;
  /** The latest attempt over all runs; 0 before the first hand-out. */
  readonly attempt: number;
  readonly threats: readonly ReportedThreat[];
  readonly restorable: readonly RestoreItem[];
  readonly cancel?: TaskCancel;
  readonly acknowledged?: { readonly at: string; readonly by: string; readonly note?: string };
  /** The agent's reports that stand in the stream: a repeated one gets its first answer again. */
  readonly reports: readonly TaskReport[];
  readonly openedAt: string;
  readonly updatedAt: string;
  readonly version: number;
}

export const REMEMBERED_DETECTION_IDS = 100;

/** ODS-U: the only kind whose user chooses which threats are resolved. */
export function userChooses(task: Pick<Task, 'kind' | 'initiator'>): boolean {
  return task.kind === 'on-demand-scan' && task.initiator === 'user';
}

export function isInProgress(task: Task): boolean {
  return task.status.code === 'mitigation-in-progress';
}

/** Counts one more detection. */
export function withDetection(seen: TaskDetections, taken: TakenDetection): TaskDetections {
  const earlier = (a: string, b: string) => (Date.parse(a) <= Date.parse(b) ? a : b);
  const later = (a: string, b: string) => (Date.parse(a) >= Date.parse(b) ? a : b);
  return {
    count: seen.count + 1,
    firstSeenAt: earlier(seen.firstSeenAt ?? taken.detectedAt, taken.detectedAt),
    lastSeenAt: later(seen.lastSeenAt ?? taken.detectedAt, taken.detectedAt),
    ids: [...seen.ids, taken.detectionId].slice(-REMEMBERED_DETECTION_IDS),
  };
}
