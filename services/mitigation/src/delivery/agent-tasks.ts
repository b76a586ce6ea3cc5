import type { AgentTaskRequest } from '@quell/contracts/agent-protocol';
import { threatKeyOf } from '@quell/contracts/detection-identity';
import { matchException } from '@quell/contracts/exception-match';
import type { RunPayload } from '@quell/contracts/run-payload';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import type { TaskEventData } from '@quell/contracts/task-events';
import { load } from '@quell/event-store/load';
import type { ClientBase, Pool } from 'pg';
import { v5 as uuidv5 } from 'uuid';
import { SCHEMA } from '../database/schema.ts';
import { loadHolders } from '../detections/rows.ts';
import { loadEndpoint } from '../endpoints/match-endpoints.ts';
import { loadExceptions } from '../exceptions/load.ts';
import { type EffectivePolicy, queueIsFull } from '../policy/policy.ts';
import { restoreOnEndpoint } from '../task/commands.ts';
import type { Refusal } from '../task/decision.ts';
import { foldTask } from '../task/evolve.ts';
import { openTask } from '../task/opening.ts';
import type { Task } from '../task/task.ts';
import { countQueued } from '../task-store/queued.ts';
import { eventIdOf, recordedEvent } from '../task-store/stream.ts';
import { commitTasks, loadTasks, retryingConflicts } from '../task-store/task-store.ts';

export interface TaskRef {
  readonly taskId: string;
  readonly run: number;
  readonly attempt: number;
  /** Of a restore: what its run is about, where that is not all that was asked for. */
  readonly items?: readonly string[];
}

/** What became of a request of an endpoint's user: `known` when the same request came before. */
export type AgentTaskAnswer =
  | { readonly ok: true; readonly ref: TaskRef; readonly known: boolean; readonly endpointId: string }
  | {
      readonly ok: false;
      readonly refusal: Refusal | { readonly code: 'not-found' | 'queue-full'; readonly detail: string };
    };

type Requesting = { readonly agentId: string; readonly endpointId: string };
type OpenRequest = Exclude<AgentTaskRequest, { kind: 'restore' }>;
type RestoreRequest = Extract<AgentTaskRequest, { kind: 'restore' }>;

/** Starts what a user asked for at the endpoint. Idempotent by `requestId`. Source: agent-protocol.md, `POST /v1/agents/me/tasks`. */
export function startAgentTask(
  pool: Pool,
  policy: EffectivePolicy,
  agent: Requesting,
  request: AgentTaskRequest,
): Promise<AgentTaskAnswer> {
  return retryingConflicts(pool, (client) =>
    request.kind === 'restore' ? restore(client, policy, agent, request) : open(client, policy, agent, request),
  );
}

async function open(
  client: ClientBase,
  policy: EffectivePolicy,
  agent: Requesting,
  request: OpenRequest,
): Promise<AgentTaskAnswer> {
  const taskId = uuidv5(request.requestId, uuidv5(agent.agentId, request.requestId));
  const before = (await loadTasks(client, [taskId])).get(taskId);
  if (before !== undefined) return { ok: true, ref: refOf(taskId, before), known: true, endpointId: agent.endpointId };
  const endpoint = await loadEndpoint(client, agent.endpointId);
  if (endpoint === undefined) return notFound('the endpoint of this agent is not known');
  if (request.kind === 'user-initiated-event') {
    const holder = await holderOf(client, endpoint, request);
    if (holder !== undefined) return { ok: true, ref: holder, known: true, endpointId: agent.endpointId };
  }
  const queued = (await countQueued(client, [agent.endpointId])).get(agent.endpointId) ?? 0;
  if (queued >= policy.maxQueuedTasks) {
    return { ok: false, refusal: { code: 'queue-full', detail: `Not now: ${queueIsFull(queued)}.` } };
  }
  const exception = matchException(endpoint, await loadExceptions(client));
  const events = openTask(openingOf(taskId, endpoint, request), policy, exception);
  const envelope = {
    actor: `endpoint-user:${agent.agentId}`,
    correlationId: taskId,
    causationId: request.requestId,
    occurredAt: new Date(),
  };
  const change = {
    taskId,
    expectedVersion: 0,
    events: events.map((event, index) => ({ id: eventIdOf(taskId, request.requestId, index), event, envelope })),
  };
  const after = await commitTasks(client, [change], policy);
  return { ok: true, ref: refOf(taskId, after.get(taskId)!), known: false, endpointId: agent.endpointId };
}

async function holderOf(
  client: ClientBase,
  endpoint: TaskEndpoint,
  { threat }: Extract<OpenRequest, { kind: 'user-initiated-event' }>,
): Promise<TaskRef | undefined> {
  const threatKey = threatKeyOf(threat, endpoint.platform);
  const [holder] = await loadHolders(client, [{ endpointId: endpoint.endpointId, threatKey }]);
  if (holder === undefined) return undefined;
  const task = (await loadTasks(client, [holder.taskId])).get(holder.taskId);
  return task === undefined ? undefined : refOf(holder.taskId, task);
}

function openingOf(taskId: string, endpoint: TaskEndpoint, request: OpenRequest) {
  const payload: RunPayload = { targets: [], patterns: [], choose: false, promptTimeoutSeconds: 300 };
  if (request.kind === 'on-demand-scan') {
    return {
      kind: 'on-demand-scan' as const,
      initiator: 'user' as const,
      severity: 0 as const,
      endpoint,
      payload: {
        ...payload,
        choose: request.choose ?? true,
        ...(request.paths === undefined ? {} : { paths: request.paths }),
      },
    };
  }
  const { threat } = request;
  const threatKey = threatKeyOf(threat, endpoint.platform);
  const named = threat.path !== undefined || threat.sha256 !== undefined;
  const target = {
    id: uuidv5(threatKey, taskId),
    kind: threat.kind ?? ('file' as const),
    name: threat.name,
    ...(threat.path === undefined ? {} : { path: threat.path }),
    ...(threat.sha256 === undefined ? {} : { sha256: threat.sha256 }),
  };
  return {
    kind: 'user-initiated-event' as const,
    initiator: 'user' as const,
    severity: 0 as const,
    endpoint,
    payload: { ...payload, targets: named ? [target] : [] },
    threatKey,
  };
}

async function restore(
  client: ClientBase,
  policy: EffectivePolicy,
  agent: Requesting,
  request: RestoreRequest,
): Promise<AgentTaskAnswer> {
  const { taskId, requestId } = request;
  const stored = (await load(client, SCHEMA, [taskId])).get(taskId) ?? [];
  const task = foldTask(stored.map(recordedEvent));
  if (task === undefined || task.endpoint.endpointId !== agent.endpointId) {
    return notFound(`there is no task ${taskId} on this endpoint`);
  }
  const before = stored.findLast(({ causationId, type }) => causationId === requestId && type === 'TaskDispatched');
  if (before !== undefined) {
    const { run, attempt } = before.data as { run: number; attempt: number };
    const opened = stored.findLast(({ causationId, type }) => causationId === requestId && type === 'RunOpened');
    const { payload } = opened!.data as TaskEventData<'RunOpened'>;
    const ref = { taskId, run, attempt, ...knownOf(request, payload) };
    return { ok: true, ref, known: true, endpointId: agent.endpointId };
  }
  const decision = restoreOnEndpoint(task, policy.clocks, {
    agentId: agent.agentId,
    scanCapable: false,
    ...(request.items === undefined ? {} : { items: request.items }),
  });
  if (!decision.ok) return decision;
  const envelope = {
    actor: `endpoint-user:${agent.agentId}`,
    correlationId: taskId,
    causationId: requestId,
    occurredAt: new Date(),
  };
  const events = decision.events.map((event, index) => ({ id: eventIdOf(taskId, requestId, index), event, envelope }));
  const after = await commitTasks(client, [{ taskId, before: task, expectedVersion: task.version, events }], policy);
  const restoring = after.get(taskId)!;
  const ref = { ...refOf(taskId, restoring), ...knownOf(request, restoring.run.payload) };
  return { ok: true, ref, known: false, endpointId: agent.endpointId };
}

/** The agent may have more in its vault than it could report: its result must answer for what the run is about, and nothing else. */
function knownOf({ items: asked }: RestoreRequest, { items = [] }: RunPayload): Pick<TaskRef, 'items'> {
  const known = items.map(({ id }) => id);
  return asked === undefined || new Set(asked).size === known.length ? {} : { items: known };
}

function refOf(taskId: string, task: Task): TaskRef {
  return { taskId, run: task.run.number, attempt: task.attempt };
}

function notFound(detail: string): AgentTaskAnswer {
  return { ok: false, refusal: { code: 'not-found', detail } };
}
