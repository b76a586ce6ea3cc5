import { createHash } from 'node:crypto';
import type { Capability, HandedTask } from '@quell/contracts/agent-protocol';
import { canonicalJson } from '@quell/contracts/detection-identity';
import { matchException } from '@quell/contracts/exception-match';
import type { ClientBase, Pool } from 'pg';
import { tryLockEndpoint } from '../endpoints/endpoint-lock.ts';
import { loadExceptions } from '../exceptions/load.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import { dispatch } from '../task/deliveries.ts';
import { changesState } from '../task/opening.ts';
import type { Task } from '../task/task.ts';
import { eventIdOf } from '../task-store/stream.ts';
import { commitTasks, loadTasks, retryingConflicts, type TaskChange } from '../task-store/task-store.ts';
import { keepBoot } from './reconcile.ts';

/** The agent that asks for work. */
export interface Asking {
  readonly agentId: string;
  readonly endpointId: string;
  readonly bootId: string;
  readonly capabilities: readonly Capability[];
}

/** Most runs of one answer; one of them at most changes the endpoint. */
const MOST_AT_ONCE = 4;

/**
 * Hands due runs of the agent's endpoint out. A hand-out is a lease: the event's expected version is its fence, the row beside it is
 * unique per endpoint for runs that change state. While another replica hands out on this endpoint, nothing is due here.
 */
export function handOut(pool: Pool, policy: EffectivePolicy, asking: Asking, checkInId: string): Promise<HandedTask[]> {
  return retryingConflicts(pool, async (client) => {
    if (!(await tryLockEndpoint(client, asking.endpointId))) return [];
    const due = await loadDue(client, asking);
    if (due.length === 0) return [];
    const tasks = await loadTasks(
      client,
      due.map(({ taskId }) => taskId),
    );
    const exceptions = await loadExceptions(client);
    // What is due is told by the database's clock, which also wrote the run's times.
    const { now } = due[0]!;
    const changes: TaskChange[] = [];
    let changing = false;
    let handed = 0;
    for (const { taskId } of due) {
      const task = tasks.get(taskId);
      if (task === undefined || handed === MOST_AT_ONCE || (changing && changesState(task.run.mode))) continue;
      const exception = matchException(task.endpoint, exceptions);
      const decision = dispatch(task, {
        now: now.toISOString(),
        agentId: asking.agentId,
        capabilities: asking.capabilities,
        leaseSeconds: policy.clocks.leaseSeconds,
        ...(exception === undefined ? {} : { exception }),
      });
      if (!decision.ok) continue;
      if (decision.events.some(({ type }) => type === 'TaskDispatched')) {
        handed++;
        changing ||= changesState(task.run.mode);
      }
      changes.push(changeOf(taskId, task, decision.events, asking.agentId, checkInId, now));
    }
    const after = await commitTasks(client, changes, policy);
    const out = [...after].filter(([, { status }]) => status.code === 'mitigation-in-progress');
    if (out.length > 0)
      await keepBoot(
        client,
        asking.agentId,
        out.map(([taskId]) => ({ taskId })),
        asking.bootId,
      );
    return out.map(([taskId, task]) => handedTask(taskId, task, policy));
  });
}

// Nothing is due for an agent that another one replaced while its check-in was held.
async function loadDue(client: ClientBase, { endpointId, agentId }: Asking): Promise<{ taskId: string; now: Date }[]> {
  const { rows } = await client.query<{ taskId: string; now: Date }>({
    name: 'load-due',
    text: `SELECT w.task_id AS "taskId", now() FROM mitigation.work w
           WHERE w.endpoint_id = $1 AND w.phase = 'queued' AND w.not_before <= now() AND w.cancel_requested_at IS NULL
             AND NOT (w.changes_state AND EXISTS (
               SELECT FROM mitigation.work o WHERE o.endpoint_id = $1 AND o.changes_state AND o.phase <> 'queued'))
             AND EXISTS (SELECT FROM mitigation.endpoint e WHERE e.endpoint_id = $1 AND e.agent_id = $2)
           ORDER BY w.priority DESC, w.requested_at, w.task_id LIMIT 20`,
    values: [endpointId, agentId],
  });
  return rows;
}

/**
 * In how many milliseconds a run that waits for its time, such as one that an agent was too busy for, is due on the endpoint; undefined when
 * none does.
 */
export async function nextDueMs(pool: Pool, endpointId: string): Promise<number | undefined> {
  const { rows } = await pool.query<{ ms: number | null }>({
    name: 'next-due',
    text: `SELECT (extract(epoch FROM min(not_before) - now()) * 1000)::float8 AS ms FROM mitigation.work
           WHERE endpoint_id = $1 AND phase = 'queued' AND not_before > now() AND cancel_requested_at IS NULL`,
    values: [endpointId],
  });
  return rows[0]?.ms ?? undefined;
}

function changeOf(
  taskId: string,
  task: Task,
  events: readonly TaskChange['events'][number]['event'][],
  agentId: string,
  checkInId: string,
  occurredAt: Date,
): TaskChange {
  return {
    taskId,
    before: task,
    expectedVersion: task.version,
    events: events.map((event, index) => ({
      id: eventIdOf(taskId, `${checkInId}:${task.version}`, index),
      event,
      envelope: { actor: `agent:${agentId}`, correlationId: taskId, causationId: checkInId, occurredAt },
    })),
  };
}

function handedTask(taskId: string, task: Task, policy: EffectivePolicy): HandedTask {
  const { run } = task;
  const startBy = new Date(Date.parse(run.requestedAt) + policy.clocks.totalWaitSeconds * 1000).toISOString();
  return {
    taskId,
    run: run.number,
    mode: run.mode,
    attempt: task.attempt,
    kind: task.kind,
    payload: run.payload,
    payloadSha256: createHash('sha256').update(canonicalJson(run.payload)).digest('hex'),
    notBefore: run.notBefore,
    startBy,
    runTimeoutSeconds: run.runTimeoutSeconds,
    leaseSeconds: policy.clocks.leaseSeconds,
    priority: task.severity === 99 ? 0 : task.severity,
  };
}
