import { z } from 'zod';
import { actionTaken, detectedThreat } from './detection.ts';
import { runPayload } from './run-payload.ts';
import { runResult } from './run-result.ts';
import { taskEndpoint } from './task-endpoint.ts';
import { exceptionMatch } from './task-status.ts';
import { agentId, runMode, severity, taskInitiator, taskKind, text, timestamp } from './vocabulary.ts';

/** What a task keeps of a detection that it took. */
export const takenDetection = z.object({
  detectionId: z.uuid(),
  eventId: z.uuid(),
  source: z.string(),
  sourceId: z.string(),
  detectedAt: timestamp,
  severity,
  threat: detectedThreat,
  actionTaken: actionTaken.optional(),
});
export type TakenDetection = z.infer<typeof takenDetection>;

const run = z.int().min(1);
const attempt = z.int().min(1);
const runTimeoutSeconds = z.number().positive();

/** Why a delivery of a run counts as lost. Three lost deliveries end the run. */
export const lossReason = z.enum(['never-accepted', 'unknown-to-agent', 'agent-restarted', 'agent-replaced']);
export type LossReason = z.infer<typeof lossReason>;

/** What made the server infer the end of a run that nobody reported. */
export const expiryCause = z.enum([
  'queue-clock',
  'total-wait',
  'run-clock',
  'lost-deliveries',
  'agent-crashes',
  'lost-over-restart',
  'agent-replaced',
  'cancel-unanswered',
]);
export type ExpiryCause = z.infer<typeof expiryCause>;

/** Commands that open a new run of an ended task. */
export const runCause = z.enum(['run-cleanup', 'retry', 'rollback', 'suspended-exception', 'endpoint-restore']);
export type RunCause = z.infer<typeof runCause>;

/** Every event of a task's stream, by type, with the shape of its `data`. All at schema version 1. */
export const taskEventData = {
  /** Run 1 begins here. */
  TaskOpened: z.object({
    kind: taskKind,
    initiator: taskInitiator,
    severity,
    endpoint: taskEndpoint,
    mode: runMode,
    payload: runPayload,
    runTimeoutSeconds,
    threatKey: z.string().optional(),
    detection: takenDetection.optional(),
  }),
  /** A repeat: another detection of the same threat on the same endpoint. */
  DetectionAttached: z.object({ detection: takenDetection }),
  /** The source changed a detection that this task already counts. */
  DetectionUpdated: z.object({ detection: takenDetection }),
  /** One hand-out of the current run. `attempt` rises over the whole task. */
  TaskDispatched: z.object({
    run,
    attempt,
    agentId,
    leaseSeconds: z.number().positive(),
    /** Whether this agent could run a scan instead, should it find its platform unfit for the task. */
    scanCapable: z.boolean(),
  }),
  /** The agent has the run in its journal; the run clock starts at the run's first acceptance. */
  TaskAccepted: z.object({ run, attempt, agentId, bootId: z.string().optional() }),
  /** The agent is busy: the run goes back to the queue, no attempt is used up. */
  AttemptDeferred: z.object({ run, attempt, notBefore: timestamp }),
  AttemptLost: z.object({ run, attempt, reason: lossReason }),
  /** The agent started anew while it had this accepted run. */
  AgentCrashed: z.object({ run, attempt, bootId: z.string() }),
  /** The first reported end of a run: it stands. */
  RunReported: z.object({ run, attempt, result: runResult }),
  /** A result that does not fit the contract ends the run as an agent component error. */
  ResultRejected: z.object({ run, attempt, pointer: z.string(), detail: z.string() }),
  /** An inferred end: nobody reported one. */
  RunExpired: z.object({
    run,
    cause: expiryCause,
    limitSeconds: z.number().optional(),
    lastContactAt: timestamp.optional(),
  }),
  /** One late result of a run whose end was inferred corrects that end, once. */
  TaskLateResult: z.object({ run, attempt, result: runResult }),
  MitigationExcepted: z.object({ run, exception: exceptionMatch }),
  /** The agent's capabilities at check-in exclude the run. */
  PlatformExcluded: z.object({ run, scanOffered: z.boolean() }),
  RunOpened: z.object({ run, mode: runMode, cause: runCause, payload: runPayload, runTimeoutSeconds }),
  CancelRequested: z.object({ run }),
  /** Cancelled before the run was ever handed out. */
  TaskWithdrawn: z.object({ run }),
  TaskAcknowledged: z.object({ note: text(1024).optional() }),
} as const;

export type TaskEventType = keyof typeof taskEventData;
export type TaskEventData<T extends TaskEventType> = z.infer<(typeof taskEventData)[T]>;

/** A task event as `decide` makes it and `evolve` folds it; identity, time and actor are the store's envelope. */
export type TaskEvent = { [T in TaskEventType]: { type: T; data: TaskEventData<T> } }[TaskEventType];

export const TASK_EVENT_VERSION = 1;
