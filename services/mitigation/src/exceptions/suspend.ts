import type { SuspendAnswer } from '@quell/contracts/mitigation-exception';
import type { ClientBase, Pool } from 'pg';
import { type Commanding, otherHolder } from '../commands/change-task.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import { retry } from '../task/commands.ts';
import type { Task } from '../task/task.ts';
import { TaskConflict } from '../task-store/conflict.ts';
import { eventIdOf } from '../task-store/stream.ts';
import { commitTasks, loadTasks, retryingConflicts, type TaskChange } from '../task-store/task-store.ts';
import { taskDtoOf } from '../views/task-dto.ts';
import { exceptionDtoOf, findException } from './exception-row.ts';

const LONGEST_HOURS = 24;

export type SuspendOutcome =
  | { readonly ok: true; readonly answer: SuspendAnswer; readonly endpointIds: readonly string[] }
  | {
      readonly ok: false;
      readonly code: 'not-found' | 'conflict';
      readonly detail: string;
      /** Which of the tasks; absent: the exception itself. */
      readonly index?: number;
    };

/**
 * Suspends an exception for the endpoints of tasks that it ended, and opens a new run of each: all or none. It ends with those runs, at
 * the latest after 24 h, without anybody doing it: a suspension holds while its run has a row in `work`. Source: statuses.md, row 9.
 */
export function suspendException(
  pool: Pool,
  policy: EffectivePolicy,
  exceptionId: string,
  taskIds: readonly string[],
  by: Commanding,
): Promise<SuspendOutcome> {
  return retryingConflicts(pool, async (client): Promise<SuspendOutcome> => {
    const exception = await findException(client, exceptionId);
    if (exception === undefined) {
      return { ok: false, code: 'not-found', detail: `There is no mitigation exception ${exceptionId}.` };
    }
    if (!exception.in_force) {
      return { ok: false, code: 'conflict', detail: 'The exception is over: it covers nothing. Retry the tasks.' };
    }
    const asked = [...new Set(taskIds)];
    const tasks = await loadTasks(client, asked);
    const changes: TaskChange[] = [];
    for (const taskId of asked) {
      const index = taskIds.indexOf(taskId);
      const task = tasks.get(taskId);
      if (task === undefined) return { ok: false, code: 'not-found', detail: `There is no task ${taskId}.`, index };
      const change = await changeOf(client, { taskId, task, exceptionId, policy, by });
      if ('refused' in change) return { ok: false, code: 'conflict', detail: change.refused, index };
      changes.push(change);
    }
    const after = await commitTasks(client, changes, policy);
    await keepSuspensions(client, exceptionId, after);
    return {
      ok: true,
      answer: {
        exception: exceptionDtoOf((await findException(client, exceptionId))!),
        tasks: asked.map((taskId) => taskDtoOf(taskId, after.get(taskId)!)),
      },
      endpointIds: [...new Set([...after.values()].map(({ endpoint }) => endpoint.endpointId))],
    };
  });
}

async function changeOf(
  client: ClientBase,
  {
    taskId,
    task,
    exceptionId,
    policy,
    by,
  }: { taskId: string; task: Task; exceptionId: string; policy: EffectivePolicy; by: Commanding },
): Promise<TaskChange | { readonly refused: string }> {
  if (task.status.code !== 'mitigation-exception' || task.status.exception.exceptionId !== exceptionId) {
    return { refused: `Task ${taskId} was not ended by this exception.` };
  }
  const holder = await otherHolder(client, taskId, task);
  if (holder !== undefined) return { refused: `Task ${holder} took over the threat of task ${taskId}.` };
  const decision = retry(task, policy.clocks, 'suspended-exception');
  if (!decision.ok) return { refused: `Task ${taskId}: ${decision.refusal.detail}.` };
  const envelope = {
    actor: by.actor,
    correlationId: taskId,
    causationId: by.requestId,
    occurredAt: new Date(),
  };
  const events = decision.events.map((event, index) => ({
    id: eventIdOf(taskId, by.requestId, index),
    event,
    envelope,
  }));
  return { taskId, before: task, expectedVersion: task.version, events };
}

async function keepSuspensions(
  client: ClientBase,
  exceptionId: string,
  tasks: ReadonlyMap<string, Task>,
): Promise<void> {
  const { rowCount } = await client.query(
    'UPDATE mitigation.mitigation_exception SET version = version + 1 WHERE id = $1 AND deleted_at IS NULL',
    [exceptionId],
  );
  if (rowCount !== 1) throw new TaskConflict('the exception was deleted meanwhile');
  await client.query(
    `INSERT INTO mitigation.exception_suspension (exception_id, task_id, run, endpoint_id, until)
     SELECT $1, t.task_id, t.run, t.endpoint_id, now() + make_interval(hours => $5)
     FROM unnest($2::uuid[], $3::int[], $4::uuid[]) AS t (task_id, run, endpoint_id)
     ON CONFLICT (exception_id, task_id) DO UPDATE SET run = excluded.run, until = excluded.until`,
    [
      exceptionId,
      [...tasks.keys()],
      [...tasks.values()].map(({ run }) => run.number),
      [...tasks.values()].map(({ endpoint }) => endpoint.endpointId),
      LONGEST_HOURS,
    ],
  );
}
