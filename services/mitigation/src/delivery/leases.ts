import type { ClientBase } from 'pg';
import type { ClockSettings } from '../task/settings.ts';

/** A sign that an agent has an attempt. */
export interface LeaseSign {
  readonly taskId: string;
  readonly attempt: number;
  readonly progress?: { readonly phase: string; readonly percent?: number | undefined };
}

/**
 * Renews the leases of an agent by its signs of life: rows, never events. Locks them in the order of their ids, as all do who write several.
 * A sign about an attempt it does not hold does nothing.
 */
export async function renewLeases(
  client: Pick<ClientBase, 'query'>,
  agentId: string,
  leaseSeconds: number,
  signs: readonly LeaseSign[],
): Promise<void> {
  if (signs.length === 0) return;
  // One sign per task: an UPDATE takes only one of several matching rows, and the last one counts.
  const byTask = new Map(signs.map((sign) => [sign.taskId, sign]));
  for (const { taskId, progress } of signs) {
    const last = byTask.get(taskId)!;
    if (progress !== undefined && last.progress === undefined) byTask.set(taskId, { ...last, progress });
  }
  const rows = [...byTask.values()];
  await client.query({
    name: 'renew-leases',
    text: `UPDATE mitigation.work w SET lease_expires_at = now() + make_interval(secs => $2), probe_at = NULL,
             progress = coalesce(s.progress, w.progress)
           FROM (SELECT o.task_id, g.progress FROM unnest($3::uuid[], $4::int[], $5::jsonb[]) AS g (task_id, attempt, progress)
                 JOIN mitigation.work o ON o.task_id = g.task_id AND o.attempt = g.attempt
                 WHERE o.agent_id = $1 AND o.phase <> 'queued' ORDER BY o.task_id FOR NO KEY UPDATE OF o) AS s
           WHERE w.task_id = s.task_id`,
    values: [
      agentId,
      leaseSeconds,
      rows.map(({ taskId }) => taskId),
      rows.map(({ attempt }) => attempt),
      rows.map(({ progress }) => (progress === undefined ? null : JSON.stringify(progress))),
    ],
  });
}

/** A run that an agent holds, as its row says. */
export interface HeldRun {
  readonly taskId: string;
  readonly run: number;
  readonly attempt: number;
  readonly phase: 'dispatched' | 'accepted';
  readonly bootId: string | null;
  /** Nothing of it for so long that the agent has to say whether it has the run. */
  readonly isSilent: boolean;
  readonly probed: boolean;
  readonly cancelRequested: boolean;
}

/**
 * Every run that the agent was handed and that has not ended. One that was not accepted counts as silent once its lease is over, an
 * accepted one after `unresponsiveSeconds`.
 */
export async function loadHeldRuns(
  client: Pick<ClientBase, 'query'>,
  agentId: string,
  { leaseSeconds, unresponsiveSeconds }: Pick<ClockSettings, 'leaseSeconds' | 'unresponsiveSeconds'>,
): Promise<HeldRun[]> {
  const { rows } = await client.query<HeldRun>({
    name: 'load-held-runs',
    text: `SELECT task_id AS "taskId", run, attempt, phase, boot_id AS "bootId",
             lease_expires_at < now() - CASE WHEN phase = 'accepted' THEN make_interval(secs => $2) ELSE '0' END AS "isSilent",
             probe_at IS NOT NULL AS probed, cancel_requested_at IS NOT NULL AS "cancelRequested"
           FROM mitigation.work WHERE agent_id = $1 AND phase <> 'queued' ORDER BY task_id`,
    values: [agentId, Math.max(0, unresponsiveSeconds - leaseSeconds)],
  });
  return rows;
}
