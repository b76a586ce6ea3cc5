import type { Severity } from '@quell/contracts/vocabulary';
import { int4Array, textArray, timestampArray, uuidArray } from '@quell/event-store/array-parameters';
import type { ClientBase } from 'pg';
import { goesOnAt } from '../endpoints/device-endpoint.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import type { Task } from '../task/task.ts';
import { TaskConflict } from './conflict.ts';
import { type Hold, holdOf } from './hold.ts';
import { threatPriority, type WorkRow, workRowOf } from './work-row.ts';

/** A task before and after a change; new tasks have no before. */
export interface Transition {
  readonly taskId: string;
  readonly before: Task | undefined;
  readonly after: Task;
}

/**
 * Brings the rows beside the given tasks up to date: they follow from the task alone, but for signs of life, extended clocks and progress,
 * and for the priority of a run in the queue (see {@link followSeverities}).
 */
export async function syncRows(
  client: ClientBase,
  transitions: readonly Transition[],
  policy: EffectivePolicy,
): Promise<void> {
  const work: WorkRow[] = [];
  const ended: string[] = [];
  // In the one order in which everybody locks these rows.
  for (const { taskId, after } of [...transitions].sort((a, b) => (a.taskId < b.taskId ? -1 : 1))) {
    const row = workRowOf(taskId, after, policy.clocks);
    if (row === undefined) ended.push(taskId);
    else work.push(row);
  }
  // Runs that end make room for those that start: first out, then in.
  if (ended.length > 0) await client.query('DELETE FROM mitigation.work WHERE task_id = ANY($1::uuid[])', [ended]);
  if (work.length > 0) await upsertWork(client, work);
  await syncHolds(client, transitions, policy.reopenAfterSeconds);
}

type Read<T> = (row: WorkRow) => T;
const time =
  (member: Read<string | null>): Read<Date | undefined> =>
  (row) => {
    const text = member(row);
    return text === null ? undefined : new Date(text);
  };
const uuids = (read: Read<string>) => (rows: readonly WorkRow[]) => uuidArray(rows.map(read), 'id');
const texts = (read: Read<string | undefined>) => (rows: readonly WorkRow[]) => textArray(rows.map(read));
const ints = (read: Read<number>) => (rows: readonly WorkRow[]) => int4Array(rows.map(read));
const times = (member: Read<string | null>) => (rows: readonly WorkRow[]) => timestampArray(rows.map(time(member)));

const columns: readonly (readonly [name: string, type: string, encode: (rows: readonly WorkRow[]) => Buffer])[] = [
  ['task_id', 'uuid', uuids((row) => row.taskId)],
  ['endpoint_id', 'uuid', uuids((row) => row.endpointId)],
  ['agent_id', 'text', texts((row) => row.agentId ?? undefined)],
  ['kind', 'text', texts((row) => row.kind)],
  ['run', 'int', ints((row) => row.run)],
  ['mode', 'text', texts((row) => row.mode)],
  ['attempt', 'int', ints((row) => row.attempt)],
  ['phase', 'text', texts((row) => row.phase)],
  ['changes_state', 'int', ints((row) => (row.changesState ? 1 : 0))],
  ['priority', 'int', ints((row) => row.priority)],
  ['requested_at', 'timestamptz', times((row) => row.requestedAt)],
  ['not_before', 'timestamptz', times((row) => row.notBefore)],
  ['first_accepted_at', 'timestamptz', times((row) => row.firstAcceptedAt)],
  ['lease_expires_at', 'timestamptz', times((row) => row.leaseExpiresAt)],
  ['cancel_requested_at', 'timestamptz', times((row) => row.cancelRequestedAt)],
  ['queue_due_at', 'timestamptz', times((row) => row.queueDueAt)],
  ['total_due_at', 'timestamptz', times((row) => row.totalDueAt)],
  ['run_due_at', 'timestamptz', times((row) => row.runDueAt)],
  ['cancel_due_at', 'timestamptz', times((row) => row.cancelDueAt)],
];

const names = columns.map(([name]) => name).join(', ');
const given = columns
  .map(([name]) => {
    if (name === 'endpoint_id') return goesOnAt('g.endpoint_id');
    return name === 'changes_state' ? 'changes_state <> 0' : name;
  })
  .join(', ');
const clocks = ['queue_due_at', 'total_due_at', 'run_due_at', 'cancel_due_at'];

// A clock that was extended (by an outage, by the probe of a silent run, by contact) keeps its extension within the run.
const extended = (clock: string) =>
  `CASE WHEN w.run = excluded.run AND w.${clock} IS NOT NULL AND excluded.${clock} IS NOT NULL
        THEN greatest(w.${clock}, excluded.${clock}) ELSE excluded.${clock} END`;

const UPSERT_WORK = `
  INSERT INTO mitigation.work AS w (${names}, next_due_at)
  SELECT ${given}, least(${clocks.join(', ')})
  FROM unnest(${columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')}) AS g (${names})
  ON CONFLICT (task_id) DO UPDATE SET
    agent_id = excluded.agent_id, run = excluded.run, mode = excluded.mode, attempt = excluded.attempt,
    phase = excluded.phase, changes_state = excluded.changes_state, priority = excluded.priority,
    requested_at = excluded.requested_at, not_before = excluded.not_before,
    first_accepted_at = excluded.first_accepted_at, lease_expires_at = excluded.lease_expires_at,
    cancel_requested_at = excluded.cancel_requested_at,
    ${clocks.map((clock) => `${clock} = ${extended(clock)}`).join(',\n    ')},
    next_due_at = least(${clocks.map(extended).join(', ')}),
    run_extended = w.run = excluded.run AND w.run_extended,
    probe_at = CASE WHEN w.attempt = excluded.attempt AND excluded.phase <> 'queued' THEN w.probe_at END,
    progress = CASE WHEN w.attempt = excluded.attempt THEN w.progress END,
    boot_id = CASE WHEN w.attempt = excluded.attempt THEN w.boot_id END`;

async function upsertWork(client: ClientBase, rows: readonly WorkRow[]): Promise<void> {
  await client.query({ name: 'upsert-work', text: UPSERT_WORK, values: columns.map(([, , encode]) => encode(rows)) });
}

/**
 * An update of a detection changes the severity of its task, and with it when a waiting run is handed out. Its task is not folded then,
 * so the row is told alone; whatever folds the task later writes the same.
 */
export async function followSeverities(client: ClientBase, severities: ReadonlyMap<string, Severity>): Promise<void> {
  if (severities.size === 0) return;
  await client.query({
    name: 'follow-severities',
    text: `UPDATE mitigation.work w SET priority = s.priority
           FROM (SELECT o.task_id, g.priority FROM unnest($1::uuid[], $2::int[]) AS g (task_id, priority)
                 JOIN mitigation.work o USING (task_id)
                 WHERE o.phase = 'queued' AND o.kind = 'threat-mitigation' AND o.mode <> 'rollback' AND o.priority <> g.priority
                 ORDER BY o.task_id FOR NO KEY UPDATE OF o) AS s
           WHERE w.task_id = s.task_id`,
    values: [
      uuidArray([...severities.keys()], 'taskId'),
      int4Array([...severities.values()].map((severity) => threatPriority(severity))),
    ],
  });
}

// The row decides which task takes a detection: a taker replaces an expired hold, and nothing else. In one order, so that two takers
// of the same threats cannot lock each other out.
const TAKE_HOLDS = `
  INSERT INTO mitigation.open_task AS o (endpoint_id, threat_key, task_id, reopen_until)
  SELECT ${goesOnAt('t.endpoint_id')} AS endpoint_id, threat_key, task_id, reopen_until
  FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[]) AS t (endpoint_id, threat_key, task_id, reopen_until)
  ORDER BY 1, threat_key
  ON CONFLICT (endpoint_id, threat_key) DO UPDATE SET task_id = excluded.task_id, reopen_until = excluded.reopen_until
  WHERE o.task_id = excluded.task_id OR o.reopen_until <= now()`;

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
      uuidArray(
        taken.map(({ endpointId }) => endpointId),
        'endpointId',
      ),
      textArray(taken.map(({ threatKey }) => threatKey)),
      uuidArray(
        taken.map(({ taskId }) => taskId),
        'taskId',
      ),
      timestampArray(taken.map(({ until }) => (until === null ? undefined : new Date(until)))),
    ],
  });
  if (rowCount !== taken.length) throw new TaskConflict('another task holds the threat on this endpoint');
}

function sameHold(a: Hold, b: Hold): boolean {
  return a.held === b.held && (a.held ? a.until : undefined) === (b.held ? b.until : undefined);
}
