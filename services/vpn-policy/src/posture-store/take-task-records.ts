import type { ClientBase } from 'pg';
import { newestByThreat, type TaskPosture, type TaskRecord, withRecord } from '../posture/task-posture.ts';

/** Folds records into the rows of their tasks, and moves each threat on to its newest task. */
export async function takeTaskRecords(client: ClientBase, records: readonly TaskRecord[]): Promise<void> {
  if (records.length === 0) return;
  const known = await loadTasks(client, [...new Set(records.map(({ taskId }) => taskId))]);
  const tasks = new Map(known);
  for (const record of records) tasks.set(record.taskId, withRecord(tasks.get(record.taskId), record));
  const changed = [...tasks.values()].filter((task) => task !== known.get(task.taskId));
  if (changed.length === 0) return;
  await saveTasks(client, changed);
  await saveNewest(client, changed);
  await saveNames(client, changed);
}

/** A row of `task_posture`. */
export interface TaskRow {
  readonly task_id: string;
  readonly version: number;
  readonly endpoint: TaskPosture['endpoint'];
  readonly status: TaskPosture['status'];
  readonly severity: TaskPosture['severity'];
  readonly threat_keys: string[];
  readonly acknowledged: boolean;
  readonly run_opened_at: Date;
  readonly since: Date | null;
}

const TASK_COLUMNS =
  't.task_id, t.version, t.endpoint, t.status, t.severity, t.threat_keys, t.acknowledged, t.run_opened_at, t.since';

export function taskOfRow(row: TaskRow): TaskPosture {
  return {
    taskId: row.task_id,
    version: row.version,
    endpoint: row.endpoint,
    status: row.status,
    severity: row.severity,
    threatKeys: row.threat_keys,
    acknowledged: row.acknowledged,
    runOpenedAt: row.run_opened_at.toISOString(),
    ...(row.since === null ? {} : { since: row.since.toISOString() }),
  };
}

async function loadTasks(client: ClientBase, taskIds: readonly string[]): Promise<Map<string, TaskPosture>> {
  const { rows } = await client.query<TaskRow>({
    name: 'load-task-postures',
    text: `SELECT ${TASK_COLUMNS} FROM vpn_policy.task_posture t WHERE t.task_id = ANY($1::uuid[])`,
    values: [taskIds],
  });
  return new Map(rows.map((row) => [row.task_id, taskOfRow(row)]));
}

/** The records of a task are all in one partition, whose inbox is the fence: nobody else writes its row. */
async function saveTasks(client: ClientBase, tasks: readonly TaskPosture[]): Promise<void> {
  await client.query({
    name: 'save-task-postures',
    text: `INSERT INTO vpn_policy.task_posture AS t
             (task_id, version, endpoint_id, endpoint, status, severity, threat_keys, acknowledged, run_opened_at, since)
           SELECT * FROM jsonb_to_recordset($1::jsonb)
             AS r (task_id uuid, version int, endpoint_id uuid, endpoint jsonb, status text, severity smallint, threat_keys text[],
                   acknowledged boolean, run_opened_at timestamptz, since timestamptz)
           ON CONFLICT (task_id) DO UPDATE SET version = excluded.version, endpoint_id = excluded.endpoint_id,
             endpoint = excluded.endpoint, status = excluded.status, severity = excluded.severity, threat_keys = excluded.threat_keys,
             acknowledged = excluded.acknowledged, run_opened_at = excluded.run_opened_at, since = excluded.since`,
    values: [
      JSON.stringify(
        tasks.map((task) => ({
          task_id: task.taskId,
          version: task.version,
          endpoint_id: task.endpoint.endpointId,
          endpoint: task.endpoint,
          status: task.status,
          severity: task.severity,
          threat_keys: task.threatKeys,
          acknowledged: task.acknowledged,
          run_opened_at: task.runOpenedAt,
          since: task.since ?? null,
        })),
      ),
    ],
  });
}

// In one order, so that two partitions cannot lock each other out. The row comparison is `isNewer`.
const SAVE_NEWEST = `
  INSERT INTO vpn_policy.threat_task AS o (endpoint_id, threat_key, task_id, run_opened_at)
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[]) AS n (endpoint_id, threat_key, task_id, run_opened_at)
  ORDER BY endpoint_id, threat_key
  ON CONFLICT (endpoint_id, threat_key) DO UPDATE SET task_id = excluded.task_id, run_opened_at = excluded.run_opened_at
  WHERE (excluded.run_opened_at, excluded.task_id) > (o.run_opened_at, o.task_id)`;

async function saveNewest(client: ClientBase, tasks: readonly TaskPosture[]): Promise<void> {
  const newest = newestByThreat(tasks);
  if (newest.length === 0) return;
  await client.query({
    name: 'save-newest-tasks',
    text: SAVE_NEWEST,
    values: [
      newest.map(({ task }) => task.endpoint.endpointId),
      newest.map(({ threatKey }) => threatKey),
      newest.map(({ task }) => task.taskId),
      newest.map(({ task }) => task.runOpenedAt),
    ],
  });
}

async function saveNames(client: ClientBase, tasks: readonly TaskPosture[]): Promise<void> {
  const names = tasks.flatMap(({ endpoint: { endpointId, deviceId, agentId } }) => [
    ...(deviceId === undefined ? [] : [{ kind: 'device', name: deviceId, endpointId }]),
    ...(agentId === undefined ? [] : [{ kind: 'agent', name: agentId, endpointId }]),
  ]);
  if (names.length === 0) return;
  await client.query({
    name: 'save-endpoint-names',
    text: `INSERT INTO vpn_policy.endpoint_name (kind, name, endpoint_id)
           SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::uuid[]) AS n (kind, name, endpoint_id) ORDER BY 1, 2, 3
           ON CONFLICT DO NOTHING`,
    values: [names.map(({ kind }) => kind), names.map(({ name }) => name), names.map(({ endpointId }) => endpointId)],
  });
}
