import { attemptEvent, type EventOutcome } from '@quell/contracts/agent-protocol';
import { jsonPointer } from '@quell/contracts/problem';
import type { ClientBase, Pool } from 'pg';
import type { EffectivePolicy } from '../policy/policy.ts';
import { evolve } from '../task/evolve.ts';
import { type Report, report } from '../task/reports.ts';
import type { RecordedTaskEvent, Task } from '../task/task.ts';
import { type Envelope, eventIdOf } from '../task-store/stream.ts';
import { commitTasks, loadTasks, retryingConflicts, type TaskChange } from '../task-store/task-store.ts';
import { type LeaseSign, renewLeases } from './leases.ts';

/** One event as an agent sent it: unchecked, with the attempt it is about. */
export interface SentEvent {
  readonly taskId: string;
  readonly attempt: number;
  readonly body: unknown;
}

/** How long a busy agent keeps a task away when it does not say. */
const BUSY_SECONDS = 30;

/** What reports led to: one outcome per event, in order. */
export interface TakenReports {
  readonly outcomes: EventOutcome[];
  /** Endpoints where a run ended or was given back: another may be due there. */
  readonly endpointIds: readonly string[];
}

/**
 * Takes what an agent reports, all of it in one append; a conflict with somebody else decides it again. An event that does not fit
 * its schema gets 422 and does not keep the others away.
 */
export function takeReports(
  pool: Pool,
  policy: EffectivePolicy,
  agent: { readonly agentId: string; readonly bootId?: string },
  sent: readonly SentEvent[],
): Promise<TakenReports> {
  if (sent.length === 0) return Promise.resolve({ outcomes: [], endpointIds: [] });
  return retryingConflicts(pool, (client) => takeOnce(client, policy, agent, sent));
}

interface Working {
  readonly before: Task;
  task: Task;
  readonly events: { id: string; event: TaskChange['events'][number]['event']; envelope: Envelope }[];
}

async function takeOnce(
  client: ClientBase,
  policy: EffectivePolicy,
  agent: { readonly agentId: string; readonly bootId?: string },
  sent: readonly SentEvent[],
): Promise<TakenReports> {
  const tasks = await loadTasks(
    client,
    sent.map(({ taskId }) => taskId),
  );
  const working = new Map([...tasks].map(([id, task]): [string, Working] => [id, { before: task, task, events: [] }]));
  const signs: LeaseSign[] = [];
  const now = new Date();
  const outcomes = sent.map((one) => takeEvent(one, working.get(one.taskId), agent, now, signs));
  const changes: TaskChange[] = [...working].map(([taskId, { before, events }]) => ({
    taskId,
    before,
    expectedVersion: before.version,
    events,
  }));
  const after = await commitTasks(client, changes, policy);
  await renewLeases(client, agent.agentId, policy.clocks.leaseSeconds, signs);
  const moved = [...after.values()].filter(
    ({ status }) => status.code !== 'mitigation-in-progress' || status.phase === 'queued',
  );
  return { outcomes, endpointIds: [...new Set(moved.map(({ endpoint }) => endpoint.endpointId))] };
}

function takeEvent(
  { taskId, attempt, body }: SentEvent,
  working: Working | undefined,
  agent: { readonly agentId: string; readonly bootId?: string },
  now: Date,
  signs: LeaseSign[],
): EventOutcome {
  const parsed = attemptEvent.safeParse(body);
  // Answered as it was sent: the agent looks its event up by it.
  const sentId = (body as { eventId?: unknown } | null)?.eventId;
  const eventId = typeof sentId === 'string' ? sentId : '';
  if (!parsed.success) {
    const errors = parsed.error.issues.map(({ path, message }) => ({ pointer: jsonPointer(path), detail: message }));
    return { eventId, code: 422, errors };
  }
  const said = parsed.data;
  if (working === undefined) return { eventId, code: 404 };
  const reportId = eventIdOf(taskId, said.eventId, 0);
  const answer = report(working.task, attempt, agent.agentId, reportId, reportOf(said, agent.bootId, now));
  answer.events.forEach((event, index) => {
    const id = index === 0 ? reportId : eventIdOf(taskId, said.eventId, index);
    const envelope: Envelope = {
      actor: `agent:${agent.agentId}`,
      correlationId: taskId,
      causationId: said.eventId,
      occurredAt: new Date(said.at),
    };
    working.events.push({ id, event, envelope });
    const version = working.task.version + 1;
    const recorded = { ...event, id, version, recordedAt: now.toISOString(), actor: envelope.actor };
    working.task = evolve(working.task, recorded as RecordedTaskEvent);
  });
  if (answer.code === 200) {
    const progress = said.type === 'progress' ? said.data : undefined;
    signs.push({ taskId, attempt, ...(progress === undefined ? {} : { progress }) });
  }
  return {
    eventId,
    code: answer.code,
    ...(answer.late ? { late: true as const } : {}),
    ...(answer.errors === undefined ? {} : { errors: [...answer.errors] }),
  };
}

function reportOf(said: ReturnType<typeof attemptEvent.parse>, bootId: string | undefined, now: Date): Report {
  switch (said.type) {
    case 'accepted':
      return { type: 'accepted', ...(bootId === undefined ? {} : { bootId }) };
    case 'busy': {
      const seconds = said.data?.retryAfterSeconds ?? BUSY_SECONDS;
      return { type: 'busy', notBefore: new Date(now.getTime() + seconds * 1000).toISOString() };
    }
    case 'result':
      return { type: 'result', data: said.data };
    default:
      return { type: said.type };
  }
}
