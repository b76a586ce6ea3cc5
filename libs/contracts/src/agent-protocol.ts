import { z } from 'zod';
import { detectedThreat } from './detection.ts';
import { runPayload } from './run-payload.ts';
import { MAX_LISTED } from './run-result.ts';
import {
  agentId,
  deviceId,
  hostname,
  ipAddress,
  macAddress,
  path,
  platform,
  runMode,
  taskKind,
  text,
  timestamp,
  url,
  uuid,
} from './vocabulary.ts';

/** Ed25519 public key as a JWK (RFC 8037). Its RFC 7638 thumbprint is the agentId. */
export const publicKeyJwk = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

export const hostFacts = z.strictObject({
  hostname,
  ips: z.array(ipAddress).max(64),
  macs: z.array(macAddress).max(64),
  platform,
  osVersion: text(256),
  deviceId: deviceId.optional(),
});
export type HostFacts = z.infer<typeof hostFacts>;

export const enrolRequest = z.strictObject({
  enrolmentToken: text(256).min(1),
  enrolmentId: uuid,
  publicKey: publicKeyJwk,
  host: hostFacts,
});
export type EnrolRequest = z.infer<typeof enrolRequest>;

export const enrolResponse = z.object({
  agentId,
  endpointId: z.uuid(),
  poll: z.object({ holdSeconds: z.number(), nextPollSeconds: z.number() }),
});
export type EnrolResponse = z.infer<typeof enrolResponse>;

export const enrolmentTokenRequest = z.strictObject({
  expiresInSeconds: z.int().min(1).max(31_536_000).default(3600),
  maxUses: z.int().min(1).max(1_000_000).default(1),
  replacesAgentId: agentId.optional(),
});

export const enrolmentTokenResponse = z.object({
  enrolmentToken: z.string(),
  expiresAt: timestamp,
  maxUses: z.int(),
});

/** Longest body of a check-in, a batch of events and a request for a task. */
export const AGENT_BODY_LIMIT_BYTES = 8 * 1024 * 1024;
/** Longest result: it fits a body with all that may travel beside it. The agent makes a longer one fit before it sends it. */
export const RESULT_LIMIT_BYTES = 6 * 1024 * 1024;

const eventHead = { eventId: uuid, at: timestamp };

/** What an agent says about one attempt. `data` of `result` is a run result; it is checked by the task, place by place. */
export const attemptEvent = z.discriminatedUnion('type', [
  z.strictObject({ ...eventHead, type: z.literal('accepted'), data: z.strictObject({}).optional() }),
  z.strictObject({ ...eventHead, type: z.literal('started'), data: z.strictObject({}).optional() }),
  z.strictObject({
    ...eventHead,
    type: z.literal('progress'),
    data: z.strictObject({ phase: text(64), percent: z.number().min(0).max(100).optional() }),
  }),
  z.strictObject({
    ...eventHead,
    type: z.literal('busy'),
    data: z.strictObject({ retryAfterSeconds: z.number().min(0).max(86_400).optional() }).optional(),
  }),
  z.strictObject({ ...eventHead, type: z.literal('result'), data: z.unknown() }),
]);
export type AttemptEvent = z.infer<typeof attemptEvent>;

/** Body of `POST /v1/tasks/{id}/attempts/{n}/events`. */
export const attemptEventsRequest = z.strictObject({ events: z.array(z.unknown()).min(1).max(100) });

/** Per item: 200 stored or duplicate, 409 stale attempt, 410 over, 422 does not fit. */
export const eventOutcome = z.object({
  eventId: z.string(),
  code: z.union([z.literal(200), z.literal(404), z.literal(409), z.literal(410), z.literal(422)]),
  late: z.literal(true).optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});
export type EventOutcome = z.infer<typeof eventOutcome>;
export const attemptEventsResponse = z.object({ outcomes: z.array(eventOutcome) });

export const capability = z.enum(['assess', 'mitigate', 'scan', 'rollback']);
export type Capability = z.infer<typeof capability>;

/** The number of a run or an attempt; tables keep it in an `int`. */
const counter = z.int().min(1).max(2_147_483_647);

export const checkInRequest = z.strictObject({
  bootId: text(128).min(1),
  agentVersion: text(64).min(1),
  host: hostFacts.optional(),
  capabilities: z.array(capability).max(16),
  running: z
    .array(
      z.strictObject({
        taskId: uuid,
        run: counter,
        attempt: counter,
        phase: text(64),
        percent: z.number().min(0).max(100).optional(),
      }),
    )
    .max(64)
    .default([]),
  /** Runs whose result stands in the journal and was not acknowledged yet. */
  journalPending: z
    .array(z.strictObject({ taskId: uuid, run: counter, attempt: counter }))
    .max(1000)
    .default([]),
  events: z
    .array(z.looseObject({ taskId: uuid, attempt: counter }))
    .max(100)
    .default([]),
  waitSeconds: z.number().min(0).max(60).default(0),
});
export type CheckInRequest = z.infer<typeof checkInRequest>;

/** A run as it is handed to an agent. Durations are for the agent's monotonic clock; the server alone decides expiry. */
export const handedTask = z.object({
  taskId: uuid,
  run: z.int(),
  mode: runMode,
  attempt: z.int(),
  kind: taskKind,
  payload: runPayload,
  payloadSha256: z.string(),
  notBefore: timestamp,
  startBy: timestamp,
  runTimeoutSeconds: z.number(),
  leaseSeconds: z.number(),
  priority: z.int(),
});
export type HandedTask = z.infer<typeof handedTask>;

const taskRef = z.object({ taskId: uuid, run: z.int(), attempt: z.int() });

export const checkInResponse = z.object({
  outcomes: z.array(eventOutcome),
  tasks: z.array(handedTask),
  /** Runs the agent is asked to stop. */
  cancels: z.array(taskRef),
  /** Runs the next check-in has to answer for: in `running`, in `journalPending` or `events`, or in none. */
  probes: z.array(taskRef),
  serverTime: timestamp,
  nextPollSeconds: z.number(),
});
export type CheckInResponse = z.infer<typeof checkInResponse>;

/** How a user's own scan, report or restore starts (`POST /v1/agents/me/tasks`). */
export const agentTaskRequest = z.discriminatedUnion('kind', [
  z.strictObject({
    requestId: uuid,
    kind: z.literal('on-demand-scan'),
    paths: z.array(path).max(1000).optional(),
    choose: z.boolean().optional(),
  }),
  z.strictObject({ requestId: uuid, kind: z.literal('user-initiated-event'), threat: detectedThreat }),
  z.strictObject({
    requestId: uuid,
    kind: z.literal('restore'),
    taskId: uuid,
    items: z.array(text(128).min(1)).max(MAX_LISTED).optional(),
  }),
]);
export type AgentTaskRequest = z.infer<typeof agentTaskRequest>;

export const agentTaskResponse = taskRef.extend({
  items: z
    .array(z.string())
    .optional()
    .describe(
      'Of a restore: the items its run is about, where that is not all that were asked for. The others are not known here.',
    ),
});

export const agentConfiguration = z.object({
  scanQueryUrl: url.optional(),
  roots: z.array(z.string()).optional(),
  patterns: z.array(z.string()).default([]),
});

/** Signature parameters every agent request carries (RFC 9421). */
export const SIGNATURE_LABEL = 'quell';
export const SIGNED_COMPONENTS = ['@method', '@path', '@query'] as const;
/** Signed as well when the request has a body (RFC 9530, sha-256). */
export const SIGNED_BODY_COMPONENT = 'content-digest';
