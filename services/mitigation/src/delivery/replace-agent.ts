import type { Pool } from 'pg';
import type { EffectivePolicy } from '../policy/policy.ts';
import { replaceAgent } from '../task/deliveries.ts';
import { eventIdOf } from '../task-store/stream.ts';
import { commitTasks, loadTasks, retryingConflicts, type TaskChange } from '../task-store/task-store.ts';

/**
 * Another agent took over an endpoint: runs that the old one had accepted end, those it had not go to the new one. A run that waits in
 * the queue names no agent in its row, so the task tells whose it was.
 */
export async function replaceAgentOn(
  pool: Pool,
  policy: EffectivePolicy,
  { endpointId, changeId }: { readonly endpointId: string; readonly changeId: string },
  replacedAgentId: string,
): Promise<void> {
  await retryingConflicts(pool, async (client) => {
    const { rows } = await client.query<{ task_id: string }>(
      `SELECT task_id FROM mitigation.work
       WHERE endpoint_id = $1 AND (phase <> 'queued' OR first_accepted_at IS NOT NULL) ORDER BY task_id`,
      [endpointId],
    );
    const tasks = await loadTasks(
      client,
      rows.map(({ task_id: taskId }) => taskId),
    );
    const changes = [...tasks].flatMap(([taskId, task]): TaskChange[] => {
      const decision = replaceAgent(task);
      if (!decision.ok || task.run.agentId !== replacedAgentId) return [];
      const envelope = {
        actor: 'system:enrolment',
        correlationId: taskId,
        causationId: changeId,
        occurredAt: new Date(),
      };
      const events = decision.events.map((event, index) => ({
        id: eventIdOf(taskId, changeId, index),
        event,
        envelope,
      }));
      return [{ taskId, before: task, expectedVersion: task.version, events }];
    });
    await commitTasks(client, changes, policy);
  });
}
