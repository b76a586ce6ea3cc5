import type { ClientBase, Pool } from 'pg';
import type { EffectivePolicy } from '../policy/policy.ts';
import type { Decision } from '../task/decision.ts';
import { countCrash, expireRun, loseDelivery } from '../task/deliveries.ts';
import type { Task } from '../task/task.ts';
import { eventIdOf } from '../task-store/stream.ts';
import { commitTasks, loadTasks, retryingConflicts, type TaskChange } from '../task-store/task-store.ts';
import { answerForLeases, type LeaseVerdict, type Listed } from './answer-for-leases.ts';
import { type HeldRun, loadHeldRuns, renewLeases } from './leases.ts';

/** What the agent is asked about runs it holds. */
export interface Reconciled {
  readonly probes: readonly HeldRun[];
  /** Whether a task changed. */
  readonly changed: boolean;
}

/** Holds a check-in against the agent's leases and acts on the differences. `checkInId` names the cause of the events. */
export async function reconcileLeases(
  pool: Pool,
  policy: EffectivePolicy,
  agentId: string,
  checkInId: string,
  listed: Listed,
): Promise<Reconciled> {
  const verdicts = answerForLeases(await loadHeldRuns(pool, agentId, policy.clocks), listed);
  const events = verdicts.filter(
    (verdict) => verdict.kind === 'unknown' || (verdict.kind === 'known' && verdict.crashed),
  );
  if (events.length > 0) await actOn(pool, policy, agentId, checkInId, listed.bootId, events);
  const known = verdicts.filter(({ kind }) => kind === 'known').map(({ held }) => held);
  const probes = verdicts.filter(({ kind }) => kind === 'probe').map(({ held }) => held);
  if (known.length + probes.length > 0) {
    await retryingConflicts(pool, async (client) => {
      await renewLeases(client, agentId, policy.clocks.leaseSeconds, known);
      await keepBoot(client, agentId, known, listed.bootId);
      await noteProbes(client, agentId, probes);
    });
  }
  return { probes, changed: events.length > 0 };
}

/** Remembers under which boot an agent has its runs. */
export async function keepBoot(
  client: Pick<Pool, 'query'>,
  agentId: string,
  runs: readonly { readonly taskId: string }[],
  bootId: string,
): Promise<void> {
  if (runs.length === 0) return;
  await client.query(
    `UPDATE mitigation.work w SET boot_id = $3
     FROM (SELECT task_id FROM mitigation.work WHERE task_id = ANY($1::uuid[]) AND agent_id = $2 AND boot_id IS DISTINCT FROM $3
           ORDER BY task_id FOR NO KEY UPDATE) AS o
     WHERE w.task_id = o.task_id`,
    [runs.map(({ taskId }) => taskId), agentId, bootId],
  );
}

async function noteProbes(client: ClientBase, agentId: string, probes: readonly HeldRun[]): Promise<void> {
  if (probes.length === 0) return;
  await client.query(
    `UPDATE mitigation.work w SET probe_at = now()
     FROM (SELECT task_id FROM mitigation.work WHERE task_id = ANY($1::uuid[]) AND agent_id = $2 AND phase <> 'queued'
           ORDER BY task_id FOR NO KEY UPDATE) AS o
     WHERE w.task_id = o.task_id`,
    [probes.map(({ taskId }) => taskId), agentId],
  );
}

async function actOn(
  pool: Pool,
  policy: EffectivePolicy,
  agentId: string,
  checkInId: string,
  bootId: string,
  verdicts: readonly LeaseVerdict[],
): Promise<void> {
  await retryingConflicts(pool, async (client) => {
    const tasks = await loadTasks(
      client,
      verdicts.map(({ held }) => held.taskId),
    );
    const changes = verdicts.flatMap((verdict): TaskChange[] => {
      const { taskId, attempt } = verdict.held;
      const task = tasks.get(taskId);
      // A newer attempt took over in between: this verdict is about the past.
      if (task === undefined || task.attempt !== attempt || task.run.agentId !== agentId) return [];
      const decision = decide(task, verdict, bootId);
      if (!decision.ok) return [];
      const envelope = {
        actor: `agent:${agentId}`,
        correlationId: taskId,
        causationId: checkInId,
        occurredAt: new Date(),
      };
      const events = decision.events.map((event, index) => ({
        id: eventIdOf(taskId, checkInId, index),
        event,
        envelope,
      }));
      return [{ taskId, before: task, expectedVersion: task.version, events }];
    });
    await commitTasks(client, changes, policy);
  });
}

function decide(task: Task, verdict: LeaseVerdict, bootId: string): Decision {
  if (verdict.kind === 'known') return countCrash(task, bootId);
  if (verdict.kind === 'unknown' && verdict.overRestart) return expireRun(task, 'lost-over-restart');
  const { phase, bootId: heldBoot } = verdict.held;
  if (phase === 'accepted') return loseDelivery(task, 'unknown-to-agent');
  return loseDelivery(task, heldBoot === bootId ? 'never-accepted' : 'agent-restarted');
}
