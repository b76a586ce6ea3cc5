import { z } from 'zod';
import { reportedThreat, threatOutcome } from './run-result.ts';
import { taskEndpoint } from './task-endpoint.ts';
import { type StatusCode, taskStatus } from './task-status.ts';
import { path, runMode, severity, sha256, taskInitiator, taskKind, text, timestamp, url, uuid } from './vocabulary.ts';

export const statusGroup = z.enum([
  'in-progress',
  'resolved',
  'scanned',
  'assessed',
  'rollback',
  'no-mitigation',
  'unsuccessful',
]);
export type StatusGroup = z.infer<typeof statusGroup>;

const codes: readonly StatusCode[] = taskStatus.options.map((option) => option.shape.code.value);

/** The 23 codes. */
export const statusCode = z.enum(codes);

/** A status as a task carries it; the rest of what is known of it is in the catalogue. */
export const statusLabel = z.object({
  code: statusCode,
  label: z.string(),
  group: statusGroup,
  actionRequired: z.boolean(),
});
export type StatusLabel = z.infer<typeof statusLabel>;

/** A sentence that tells the operator what to do; `href` and `command` are ready to use for this very task. */
export const recommendedAction = z.object({
  text: z.string(),
  href: z.string().optional(),
  command: z.string().optional(),
});
export type RecommendedAction = z.infer<typeof recommendedAction>;

/** A task as `GET /v1/tasks/{id}` answers it. */
export const taskDto = z.object({
  id: z.uuid(),
  kind: taskKind,
  initiator: taskInitiator,
  severity,
  endpoint: taskEndpoint,
  status: statusLabel,
  /** The facts behind the status: which limit, which component, which items. */
  facts: taskStatus,
  reason: z.string().optional(),
  description: z.string(),
  recommendedActions: z.array(recommendedAction),
  run: z.int(),
  mode: runMode,
  attempt: z.int(),
  detections: z.object({
    count: z.int(),
    firstSeenAt: timestamp.optional(),
    lastSeenAt: timestamp.optional(),
    ids: z.array(z.uuid()),
  }),
  threats: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      path: z.string().optional(),
      sha256: sha256.optional(),
      outcome: threatOutcome,
      by: reportedThreat.shape.by,
      action: reportedThreat.shape.action,
      error: reportedThreat.shape.error,
    }),
  ),
  unlistedThreats: z
    .int()
    .optional()
    .describe('How many more threats the latest run dealt with, for which its result had no room.'),
  /** What a rollback could still put back. */
  restorable: z.array(
    z.object({ id: z.string(), threatId: z.string(), kind: z.string(), path: z.string().optional() }),
  ),
  cancel: z
    .object({ requestedAt: timestamp, outcome: z.enum(['withdrawn', 'stopped', 'unanswered', 'too-late']).optional() })
    .optional(),
  acknowledged: z.object({ at: timestamp, by: z.string(), note: z.string().optional() }).optional(),
  openedAt: timestamp,
  updatedAt: timestamp,
  version: z.int(),
});
export type TaskDto = z.infer<typeof taskDto>;

/** One event of a task's history as `GET /v1/tasks/{id}/history` answers it. */
export const historyItem = z.object({
  id: z.uuid(),
  type: z.string(),
  version: z.int(),
  occurredAt: timestamp,
  recordedAt: timestamp,
  actor: z.string(),
  data: z.unknown(),
  correlationId: z.string(),
  causationId: z.string().optional(),
});
export type HistoryItem = z.infer<typeof historyItem>;

/** What every record on `tasks.v1` says about the task after its event, so that nobody folds the statuses twice. */
export const taskAfter = z.object({
  kind: taskKind,
  threatKeys: z.array(z.string()),
  status: z.string(),
  reason: z.string().optional(),
  severity,
  endpoint: taskEndpoint,
  acknowledged: z.boolean(),
  /** When its latest run opened: of two tasks against one threat on one endpoint, the later one says how it stands. */
  runOpenedAt: timestamp.optional(),
  version: z.int(),
});
export type TaskAfter = z.infer<typeof taskAfter>;

const openTaskPayload = z.strictObject({
  paths: z.array(path).max(1000).optional(),
  patterns: z.array(sha256).max(1000).optional(),
  scanQueryUrl: url.optional(),
});

/** Opens an administrator's on-demand scan (`POST /v1/tasks`). */
export const openTaskRequest = z.strictObject({
  kind: z.literal('on-demand-scan'),
  endpoint: z
    .strictObject({
      endpointId: uuid.optional(),
      agentId: text(253).optional(),
      deviceId: text(253).optional(),
      hostname: text(253).optional(),
    })
    .refine((hint) => Object.values(hint).some((value) => value !== undefined), 'must name the endpoint'),
  severity: severity.default(0),
  payload: openTaskPayload.optional(),
});
