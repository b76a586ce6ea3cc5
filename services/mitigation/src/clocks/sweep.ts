import type { ClientBase, Pool } from 'pg';
import { v5 as uuidv5 } from 'uuid';
import type { EffectivePolicy } from '../policy/policy.ts';
import { expireRun } from '../task/deliveries.ts';
import { eventIdOf } from '../task-store/stream.ts';
import { commitTasks, loadTasks, retryingConflicts, type TaskChange } from '../task-store/task-store.ts';
import { type ClockVerdict, type DueRun, judgeClocks } from './due.ts';

const BATCH = 200;

interface DueRow extends Omit<DueRun, 'limits'> {
  readonly now: number;
}

const milliseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

const LOAD_DUE = `
  SELECT w.task_id AS "taskId", w.kind, w.mode, w.run, ${milliseconds('w.queue_due_at')} AS "queueDueAt",
    ${milliseconds('w.total_due_at')} AS "totalDueAt", ${milliseconds('w.run_due_at')} AS "runDueAt",
    ${milliseconds('w.cancel_due_at')} AS "cancelDueAt", w.run_extended AS "runExtended",
    ${milliseconds('s.last_seen_at')} AS "lastContactAt", ${milliseconds('now()')} AS now
  FROM mitigation.work w
  LEFT JOIN mitigation.endpoint e USING (endpoint_id)
  LEFT JOIN mitigation.agent_last_seen s ON s.agent_id = e.agent_id
  WHERE w.next_due_at <= now() ORDER BY w.next_due_at LIMIT ${BATCH}`;

/** What one batch of the clocks led to. */
export interface Swept {
  /** Endpoints whose place became free. */
  readonly freed: readonly string[];
  /** More may be due: the batch was full, and what it held is out of the way. */
  readonly more: boolean;
}

/**
 * Ends what is due, by the database's time: no timer of a process decides anything. One replica sweeps at a time; an end that an agent
 * reports meanwhile wins, for the sweep then meets a conflict. At most {@link BATCH} runs.
 */
export function sweepClocks(pool: Pool, policy: EffectivePolicy): Promise<Swept> {
  return retryingConflicts(pool, async (client) => {
    const { rows: locks } = await client.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_xact_lock(hashtextextended('mitigation clocks', 7)) AS locked`,
    );
    if (locks[0]?.locked !== true) return { freed: [], more: false };
    const { rows } = await client.query<DueRow>(LOAD_DUE);
    const limits = policy.clocks;
    const due = rows.map((row) => ({ row, verdict: judgeClocks({ ...row, limits }, row.now) }));
    const freed = await expire(client, policy, due);
    const extended = await extend(client, due);
    return { freed, more: rows.length === BATCH && freed.length + extended > 0 };
  });
}

async function expire(
  client: ClientBase,
  policy: EffectivePolicy,
  due: readonly { row: DueRow; verdict: ClockVerdict }[],
): Promise<string[]> {
  const expired = due.filter(({ verdict }) => verdict.kind === 'expire');
  if (expired.length === 0) return [];
  const tasks = await loadTasks(
    client,
    expired.map(({ row }) => row.taskId),
  );
  const changes = expired.flatMap(({ row, verdict }): TaskChange[] => {
    const task = tasks.get(row.taskId);
    if (task === undefined || verdict.kind !== 'expire' || task.run.number !== row.run) return [];
    const { cause, limitSeconds, lastContactAt } = verdict;
    const decision = expireRun(task, cause, {
      ...(limitSeconds === undefined ? {} : { limitSeconds }),
      ...(cause === 'run-clock' ? { limitSeconds: task.run.runTimeoutSeconds } : {}),
      ...(lastContactAt === undefined ? {} : { lastContactAt }),
    });
    if (!decision.ok) return [];
    const causeId = uuidv5(`${cause}:${row.run}`, row.taskId);
    const envelope = { actor: 'clock', correlationId: row.taskId, causationId: causeId, occurredAt: new Date(row.now) };
    const events = decision.events.map((event, index) => ({
      id: eventIdOf(row.taskId, causeId, index),
      event,
      envelope,
    }));
    return [{ taskId: row.taskId, before: task, expectedVersion: task.version, events }];
  });
  const after = await commitTasks(client, changes, policy);
  return [...new Set([...after.values()].map(({ endpoint }) => endpoint.endpointId))];
}

async function extend(client: ClientBase, due: readonly { row: DueRow; verdict: ClockVerdict }[]): Promise<number> {
  const moved = due.flatMap(({ row, verdict }) =>
    verdict.kind === 'move-queue' || verdict.kind === 'probe' ? [{ taskId: row.taskId, ...verdict }] : [],
  );
  if (moved.length === 0) return 0;
  await client.query(
    `WITH m AS (SELECT * FROM unnest($1::uuid[], $2::text[], $3::float8[]) AS m (task_id, kind, due))
     UPDATE mitigation.work w SET
       queue_due_at = CASE WHEN m.kind = 'move-queue' THEN to_timestamp(m.due / 1000) ELSE w.queue_due_at END,
       run_due_at = CASE WHEN m.kind = 'probe' THEN to_timestamp(m.due / 1000) ELSE w.run_due_at END,
       run_extended = w.run_extended OR m.kind = 'probe',
       next_due_at = least(
         CASE WHEN m.kind = 'move-queue' THEN to_timestamp(m.due / 1000) ELSE w.queue_due_at END, w.total_due_at,
         CASE WHEN m.kind = 'probe' THEN to_timestamp(m.due / 1000) ELSE w.run_due_at END, w.cancel_due_at),
       probe_at = CASE WHEN m.kind = 'probe' THEN NULL ELSE w.probe_at END,
       lease_expires_at = CASE WHEN m.kind = 'probe' THEN '-infinity' ELSE w.lease_expires_at END
     FROM m WHERE w.task_id = m.task_id`,
    [moved.map(({ taskId }) => taskId), moved.map(({ kind }) => kind), moved.map(({ dueAt }) => dueAt)],
  );
  return moved.length;
}
