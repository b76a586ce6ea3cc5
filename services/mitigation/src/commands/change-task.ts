import type { TaskDto } from '@quell/contracts/task';
import type { ClientBase, Pool } from 'pg';
import { goesOnAt } from '../endpoints/device-endpoint.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import type { Decision, Refusal } from '../task/decision.ts';
import type { Task } from '../task/task.ts';
import { eventIdOf } from '../task-store/stream.ts';
import { commitTasks, loadTasks, retryingConflicts } from '../task-store/task-store.ts';
import { taskDtoOf } from '../views/task-dto.ts';

export interface Commanding {
  /** Who asks, as the event's actor. */
  readonly actor: string;
  /** Lower-case UUID of this very request: its events' ids follow from it. */
  readonly requestId: string;
}

export type CommandAnswer =
  | { readonly ok: true; readonly task: TaskDto }
  | {
      readonly ok: false;
      readonly refusal: Refusal | { readonly code: 'not-found' | 'replaced'; readonly detail: string };
    };

/**
 * Loads a task, decides, appends; again from the beginning when somebody else was faster. A run that needs the threat's hold while
 * another task has it is refused, and that task named.
 */
export function changeTask(
  pool: Pool,
  policy: EffectivePolicy,
  taskId: string,
  decide: (task: Task) => Decision,
  { actor, requestId }: Commanding,
): Promise<CommandAnswer> {
  return retryingConflicts(pool, async (client): Promise<CommandAnswer> => {
    const task = (await loadTasks(client, [taskId])).get(taskId);
    if (task === undefined) return { ok: false, refusal: { code: 'not-found', detail: `There is no task ${taskId}.` } };
    const decision = decide(task);
    if (!decision.ok) return decision;
    const opensRun = decision.events.some(({ type, data }) => type === 'RunOpened' && data.mode !== 'rollback');
    const holder = opensRun ? await otherHolder(client, taskId, task) : undefined;
    if (holder !== undefined) {
      return {
        ok: false,
        refusal: { code: 'replaced', detail: `Task ${holder} took over this threat on this endpoint.` },
      };
    }
    const envelope = { actor, correlationId: taskId, causationId: requestId, occurredAt: new Date() };
    const events = decision.events.map((event, index) => ({
      id: eventIdOf(taskId, requestId, index),
      event,
      envelope,
    }));
    const after = await commitTasks(client, [{ taskId, before: task, expectedVersion: task.version, events }], policy);
    return { ok: true, task: taskDtoOf(taskId, after.get(taskId) ?? task) };
  });
}

/** The task that has the hold of the threat, when it is another one. */
export async function otherHolder(client: ClientBase, taskId: string, task: Task): Promise<string | undefined> {
  if (task.threatKey === undefined) return undefined;
  const { rows } = await client.query<{ task_id: string }>(
    `SELECT task_id FROM mitigation.open_task
     WHERE endpoint_id = ${goesOnAt('$1::uuid')} AND threat_key = $2 AND task_id <> $3 AND (reopen_until IS NULL OR reopen_until > now())`,
    [task.endpoint.endpointId, task.threatKey, taskId],
  );
  return rows[0]?.task_id;
}
