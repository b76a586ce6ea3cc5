import type { CampaignDto, CancelCampaignRequest } from '@quell/contracts/campaign';
import type { JobKind } from '@quell/service-kit/jobs/job-kind';
import type { Jobs } from '@quell/service-kit/jobs/jobs';
import { inTransaction } from '@quell/service-kit/transaction';
import type { ClientBase, Pool } from 'pg';
import { v5 as uuidv5 } from 'uuid';
import type { OnTaskChange } from '../delivery/on-task-change.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import { cancel } from '../task/commands.ts';
import { isConflict } from '../task-store/conflict.ts';
import { eventIdOf } from '../task-store/stream.ts';
import { commitTasks, loadTasks, type TaskChange } from '../task-store/task-store.ts';
import { findCampaign } from './read-campaigns.ts';

export const WITHDRAWAL = 'campaign-withdrawal';

/** Tasks of one transaction. */
const CHUNK = 100;

export type CancelledCampaign =
  | { readonly ok: true; readonly campaign: CampaignDto }
  | { readonly ok: false; readonly code: 'not-found' | 'conflict'; readonly detail: string };

/** From its commit on the campaign opens nothing. What it opened and nobody was handed is withdrawn by a job. A repeat changes nothing. */
export async function cancelCampaign(
  pool: Pool,
  jobs: Jobs,
  id: string,
  { queuedTasks }: CancelCampaignRequest,
  actor: string,
): Promise<CancelledCampaign> {
  const before = await findCampaign(pool, id);
  if (before === undefined) return { ok: false, code: 'not-found', detail: `There is no campaign ${id}.` };
  if (before.state === 'finished' || before.state === 'failed') {
    return { ok: false, code: 'conflict', detail: `The campaign is over: it is ${before.state}.` };
  }
  await inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `UPDATE mitigation.campaign SET cancel_requested_at = date_trunc('milliseconds', now()), cancel_queued = $2
       WHERE id = $1 AND cancel_requested_at IS NULL`,
      [id, queuedTasks],
    );
    if (rowCount !== 1 || queuedTasks === 'keep') return;
    const input = { campaignId: id };
    await jobs.create({ id: uuidv5('withdrawal', id), kind: WITHDRAWAL, input, createdBy: actor }, client);
  });
  return { ok: true, campaign: (await findCampaign(pool, id))! };
}

interface Withdrawing {
  readonly policies: PolicyStore;
  readonly onTaskChange: OnTaskChange;
}

/** Withdraws the tasks of a cancelled campaign that no agent was handed. */
export function withdrawalJob({
  policies,
  onTaskChange,
}: Withdrawing): JobKind<{ readonly campaignId: string }, { readonly after: number }> {
  return {
    kind: WITHDRAWAL,
    mayPass: isConflict,
    async step({ id: jobId, input, checkpoint = { after: -1 }, progress, createdBy }) {
      const policy = await policies.current();
      return async (client) => {
        const targets = await waitingTasks(client, input.campaignId, checkpoint.after);
        const tasks = await loadTasks(
          client,
          targets.map(({ task_id: taskId }) => taskId),
        );
        const changes = [...tasks].flatMap(([taskId, task]): TaskChange[] => {
          const decision = cancel(task);
          // It was handed out meanwhile: what agents are at goes on.
          if (task.attempt > 0 || !decision.ok) return [];
          const envelope = {
            actor: createdBy,
            correlationId: input.campaignId,
            causationId: jobId,
            occurredAt: new Date(),
          };
          const events = decision.events.map((event, index) => ({
            id: eventIdOf(taskId, jobId, index),
            event,
            envelope,
          }));
          return [{ taskId, before: task, expectedVersion: task.version, events }];
        });
        await commitTasks(client, changes, policy);
        return {
          checkpoint: { after: targets.at(-1)?.position ?? checkpoint.after },
          progress: { ...progress, done: progress.done + changes.length },
          done: targets.length < CHUNK,
          committed: () => onTaskChange([]),
        };
      };
    },
  };
}

async function waitingTasks(client: ClientBase, campaignId: string, after: number) {
  const { rows } = await client.query<{ position: number; task_id: string }>(
    `SELECT t.position, t.task_id FROM mitigation.campaign c
     JOIN mitigation.campaign_target t USING (selection)
     JOIN mitigation.work w ON w.task_id = t.task_id AND w.phase = 'queued' AND w.attempt = 0
     WHERE c.id = $1 AND t.position > $2 ORDER BY t.position LIMIT ${CHUNK}`,
    [campaignId, after],
  );
  return rows;
}
