import type { Pool } from 'pg';
import type { EffectivePolicy } from '../policy/policy.ts';
import { replaceAgent } from '../task/deliveries.ts';
import { eventIdOf } from '../task-store/stream.ts';
import { commitTasks, loadTasks, retryingConflicts, type TaskChange } from '../task-store/task-store.ts';
import { loadHeldRuns } from './leases.ts';

/** Another agent took over an endpoint: runs that the old one had accepted end, those it had not go to the new one. */
export async function replaceAgentOn(
  pool: Pool,
  policy: EffectivePolicy,
  replacedAgentId: string,
  changeId: string,
): Promise<void> {
  await retryingConflicts(pool, async (client) => {
    const held = await loadHeldRuns(client, replacedAgentId, policy.clocks);
    const tasks = await loadTasks(
      client,
      held.map(({ taskId }) => taskId),
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
