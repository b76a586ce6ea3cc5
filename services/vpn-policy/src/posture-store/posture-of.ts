import { topics } from '@quell/contracts/topics';
import type { DevicePosture } from '@quell/contracts/vpn-posture';
import type { Pool } from 'pg';
import { isNewer, type ThreatTask } from '../posture/task-posture.ts';
import { exceptionsAt, unresolvedThreats } from '../posture/unresolved.ts';
import { loadExceptionRecords } from './exceptions.ts';
import { TASK_COLUMNS, taskOfRow } from './take-task-records.ts';

/** Names of a device; a task that was opened for any of them counts. */
export interface DeviceNames {
  readonly deviceId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly endpointId?: string | undefined;
}

/** Most threats that an answer lists. */
const MOST_LISTED = 1000;

/**
 * What stands unresolved on a device, as far as `tasks.v1` was followed. A device may be several endpoints, when it was known by different
 * names before: what stands on any of them counts.
 */
export async function postureOf(pool: Pool, names: DeviceNames, now = new Date()): Promise<DevicePosture> {
  const endpointIds = await endpointsOf(pool, names);
  const standing = await loadStanding(pool, endpointIds);
  const [endpointId] = endpointIds;
  const named = { ...(endpointId === undefined ? {} : { endpointId }), ...names };
  return { ...(await postureOfStanding(pool, named, standing, now)), position: await positionOf(pool) };
}

async function endpointsOf(pool: Pool, { deviceId, agentId, endpointId }: DeviceNames): Promise<string[]> {
  const { rows } = await pool.query<{ endpoint_id: string }>({
    name: 'endpoints-of-device',
    text: `SELECT endpoint_id FROM vpn_policy.endpoint_name WHERE kind = 'device' AND name = $1
           UNION SELECT endpoint_id FROM vpn_policy.endpoint_name WHERE kind = 'agent' AND name = $2
           UNION SELECT $3::uuid WHERE $3 IS NOT NULL`,
    values: [deviceId ?? null, agentId ?? null, endpointId ?? null],
  });
  return rows.map((row) => row.endpoint_id);
}

/** The threats on these endpoints whose newest task stands unresolved. */
export async function loadStanding(pool: Pool, endpointIds: readonly string[]): Promise<ThreatTask[]> {
  if (endpointIds.length === 0) return [];
  const { rows } = await pool.query<Parameters<typeof taskOfRow>[0] & { threat_key: string }>({
    name: 'load-standing',
    text: `SELECT n.threat_key, ${TASK_COLUMNS} FROM vpn_policy.task_posture t
           JOIN vpn_policy.threat_task n ON n.task_id = t.task_id AND n.endpoint_id = t.endpoint_id
           WHERE t.endpoint_id = ANY($1::uuid[]) AND t.since IS NOT NULL`,
    values: [endpointIds],
  });
  return rows.map((row) => ({ threatKey: row.threat_key, task: taskOfRow(row) }));
}

/** The posture that these threats make, but for how far tasks were followed. Names that are not given are those of the latest task. */
export async function postureOfStanding(
  pool: Pool,
  names: DeviceNames,
  standing: readonly ThreatTask[],
  now: Date,
): Promise<Omit<DevicePosture, 'position'>> {
  const exceptions = standing.length === 0 ? [] : exceptionsAt(await loadExceptionRecords(pool), now.toISOString());
  const unresolved = unresolvedThreats(standing, exceptions);
  const [first] = unresolved.map(({ since }) => since).sort();
  const [latest] = standing.map(({ task }) => task).sort((a, b) => (isNewer(a, b) ? -1 : 1));
  const deviceId = names.deviceId ?? latest?.endpoint.deviceId;
  const agentId = names.agentId ?? latest?.endpoint.agentId;
  const endpointId = names.endpointId ?? latest?.endpoint.endpointId;
  return {
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(endpointId === undefined ? {} : { endpointId }),
    unresolved: unresolved.slice(0, MOST_LISTED),
    ...(first === undefined ? {} : { since: first }),
  };
}

/** The next offset of each partition of `tasks.v1`. */
export async function positionOf(pool: Pool): Promise<DevicePosture['position']> {
  const { rows } = await pool.query<{ partition: number; next_offset: string }>({
    name: 'position-of-tasks',
    text: 'SELECT partition, next_offset FROM vpn_policy.inbox WHERE topic = $1 ORDER BY partition',
    values: [topics.tasks],
  });
  return Object.fromEntries(rows.map((row) => [String(row.partition), row.next_offset]));
}
