import type { ClientBase } from 'pg';
import type { EffectivePolicy } from '../policy/policy.ts';
import type { Task } from '../task/task.ts';
import { TaskConflict } from './conflict.ts';
import { type Hold, holdOf } from './hold.ts';
import { type WorkRow, workRowOf } from './work-row.ts';

/** A task before and after a change; new tasks have no before. */
export interface Transition {
  readonly taskId: string;
  readonly before: Task | undefined;
  readonly after: Task;
}

/** Brings the rows beside the given tasks up to date: they follow from the task alone, but for signs of life, extended clocks and progress. */
export async function syncRows(
  client: ClientBase,
  transitions: readonly Transition[],
  policy: EffectivePolicy,
): Promise<void> {
  const work: WorkRow[] = [];
  const ended: string[] = [];
  for (const { taskId, after } of transitions) {
    const row = workRowOf(taskId, after, policy.clocks);
    if (row === undefined) ended.push(taskId);
    else work.push(row);
  }
  // Runs that end make room for those that start: first out, then in.
  if (ended.length > 0) await client.query('DELETE FROM mitigation.work WHERE task_id = ANY($1::uuid[])', [ended]);
  if (work.length > 0) await upsertWork(client, work);
  await syncHolds(client, transitions, policy.reopenAfterSeconds);
}

const columns = [
  ['task_id', 'uuid', 'taskId'],
  ['endpoint_id', 'uuid', 'endpointId'],
  ['agent_id', 'text', 'agentId'],
  ['kind', 'text', 'kind'],
  ['run', 'int', 'run'],
  ['mode', 'text', 'mode'],
  ['attempt', 'int', 'attempt'],
  ['phase', 'text', 'phase'],
  ['changes_state', 'boolean', 'changesState'],
  ['priority', 'int', 'priority'],
  ['requested_at', 'timestamptz', 'requestedAt'],
  ['not_before', 'timestamptz', 'notBefore'],
  ['first_accepted_at', 'timestamptz', 'firstAcceptedAt'],
  ['lease_expires_at', 'timestamptz', 'leaseExpiresAt'],
  ['cancel_requested_at', 'timestamptz', 'cancelRequestedAt'],
  ['queue_due_at', 'timestamptz', 'queueDueAt'],
  ['total_due_at', 'timestamptz', 'totalDueAt'],
  ['run_due_at', 'timestamptz', 'runDueAt'],
  ['cancel_due_at', 'timestamptz', 'cancelDueAt'],
] as const satisfies readonly (readonly [string, string, keyof WorkRow])[];

const names = columns.map(([name]) => name).join(', ');
const NEXT_DUE = 'least(queue_due_at, total_due_at, run_due_at, cancel_due_at)';

// A clock that was extended (by an outage, by the probe of a silent run, by contact) keeps its extension within the run.
const extended = (
  clock: string,
) => `${clock} = CASE WHEN w.run = excluded.run AND w.${clock} IS NOT NULL AND excluded.${clock} IS NOT NULL
        THEN greatest(w.${clock}, excluded.${clock}) ELSE excluded.${clock} END`;

const UPSERT_WORK = `
  WITH given AS (
    SELECT * FROM unnest(${columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')}) AS g (${names})
  )
  INSERT INTO mitigation.work AS w (${names}, next_due_at, last_sign_at)
  SELECT ${names}, ${NEXT_DUE}, CASE WHEN phase <> 'queued' THEN now() END FROM given
  ON CONFLICT (task_id) DO UPDATE SET
    agent_id = excluded.agent_id, run = excluded.run, mode = excluded.mode, attempt = excluded.attempt,
    phase = excluded.phase, changes_state = excluded.changes_state, priority = excluded.priority,
    requested_at = excluded.requested_at, not_before = excluded.not_before,
    first_accepted_at = excluded.first_accepted_at, lease_expires_at = excluded.lease_expires_at,
    last_sign_at = excluded.last_sign_at, cancel_requested_at = excluded.cancel_requested_at,
    ${['queue_due_at', 'total_due_at', 'run_due_at', 'cancel_due_at'].map(extended).join(',\n    ')},
    run_extended = w.run = excluded.run AND w.run_extended,
    probe_at = CASE WHEN w.attempt = excluded.attempt AND excluded.phase <> 'queued' THEN w.probe_at END,
    progress = CASE WHEN w.attempt = excluded.attempt THEN w.progress END,
    boot_id = CASE WHEN w.attempt = excluded.attempt THEN w.boot_id END`;

async function upsertWork(client: ClientBase, rows: readonly WorkRow[]): Promise<void> {
  const values = columns.map(([, , member]) => rows.map((row) => row[member]));
  await client.query({ name: 'upsert-work', text: UPSERT_WORK, values });
  await client.query(
    `UPDATE mitigation.work SET next_due_at = ${NEXT_DUE}
     WHERE task_id = ANY($1::uuid[]) AND next_due_at IS DISTINCT FROM ${NEXT_DUE}`,
    [rows.map(({ taskId }) => taskId)],
  );
}

// The row decides which task takes a detection: a taker replaces an expired hold, and nothing else. In one order, so that two takers
// of the same threats cannot lock each other out.
const TAKE_HOLDS = `
  INSERT INTO mitigation.open_task AS o (endpoint_id, threat_key, task_id, reopen_until)
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[]) AS t (endpoint_id, threat_key, task_id, reopen_until)
  ORDER BY endpoint_id, threat_key
  ON CONFLICT (endpoint_id, threat_key) DO UPDATE SET task_id = excluded.task_id, reopen_until = excluded.reopen_until
  WHERE o.task_id = excluded.task_id OR o.reopen_until <= now()
  RETURNING task_id`;

async function syncHolds(
  client: ClientBase,
  transitions: readonly Transition[],
  reopenAfterSeconds: number,
): Promise<void> {
  const taken: { endpointId: string; threatKey: string; taskId: string; until: string | null }[] = [];
  const kept: { taskId: string; until: string | null }[] = [];
  const released: string[] = [];
  for (const { taskId, before, after } of transitions) {
    const { threatKey, endpoint } = after;
    if (threatKey === undefined) continue;
    const hold = holdOf(after, reopenAfterSeconds);
    const held = before === undefined ? undefined : holdOf(before, reopenAfterSeconds);
    if (held !== undefined && sameHold(held, hold)) continue;
    const until = hold.held ? (hold.until ?? null) : null;
    if (!hold.held) released.push(taskId);
    else if (held === undefined || after.status.code === 'mitigation-in-progress') {
      taken.push({ endpointId: endpoint.endpointId, threatKey, taskId, until });
    } else kept.push({ taskId, until });
  }
  if (released.length > 0) {
    await client.query('DELETE FROM mitigation.open_task WHERE task_id = ANY($1::uuid[])', [released]);
  }
  // An ended task keeps the hold it has, also when a late result corrects its end, but never takes one from a task that replaced it.
  if (kept.length > 0) {
    await client.query(
      `UPDATE mitigation.open_task o SET reopen_until = k.until
       FROM unnest($1::uuid[], $2::timestamptz[]) AS k (task_id, until) WHERE o.task_id = k.task_id`,
      [kept.map(({ taskId }) => taskId), kept.map(({ until }) => until)],
    );
  }
  if (taken.length === 0) return;
  const { rowCount } = await client.query({
    name: 'take-holds',
    text: TAKE_HOLDS,
    values: [
      taken.map(({ endpointId }) => endpointId),
      taken.map(({ threatKey }) => threatKey),
      taken.map(({ taskId }) => taskId),
      taken.map(({ until }) => until),
    ],
  });
  if (rowCount !== taken.length) throw new TaskConflict('another task holds the threat on this endpoint');
}

function sameHold(a: Hold, b: Hold): boolean {
  return a.held === b.held && (a.held ? a.until : undefined) === (b.held ? b.until : undefined);
}
