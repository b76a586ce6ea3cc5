import type { MitigationException } from '@quell/contracts/exception-match';
import { topics } from '@quell/contracts/topics';
import type { CountedThreat, DevicePosture } from '@quell/contracts/vpn-posture';
import type { Pool } from 'pg';
import { isNewer, type ThreatTask } from '../posture/task-posture.ts';
import { countedThreats, exceptionsAt, isReleasedByException, unresolvedThreats } from '../posture/unresolved.ts';
import { loadExceptionRecords } from './exceptions.ts';
import { type TaskRow, taskOfRow } from './take-task-records.ts';

/** Names of a device; a task that was opened for any of them counts. */
export interface DeviceNames {
  readonly deviceId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly endpointId?: string | undefined;
}

/** Most threats that an answer lists. */
const MOST_LISTED = 1000;

// A device may be several endpoints, when it was known by different names before.
const ENDPOINTS = `
  SELECT endpoint_id, true AS by_device FROM vpn_policy.endpoint_name WHERE kind = 'device' AND name = $1
  UNION ALL SELECT endpoint_id, false FROM vpn_policy.endpoint_name WHERE kind = 'agent' AND name = $2
  UNION ALL SELECT $3::uuid, false WHERE $3 IS NOT NULL`;

const valuesOf = ({ deviceId, agentId, endpointId }: DeviceNames) => [
  deviceId ?? null,
  agentId ?? null,
  endpointId ?? null,
];

/** What stands unresolved on a device, as far as `tasks.v1` was followed: all that a decision needs. The worst first. */
export async function unresolvedOn(pool: Pool, names: DeviceNames, now = new Date()): Promise<CountedThreat[]> {
  const standing = await loadStanding(pool, names);
  return countedThreats(unresolvedThreats(standing, await exceptionsFor(pool, standing, now)));
}

/** The posture of a device, with how far `tasks.v1` was followed. */
export async function postureOf(pool: Pool, names: DeviceNames, now = new Date()): Promise<DevicePosture> {
  const [standing, endpointId, position] = await Promise.all([
    loadStanding(pool, names),
    names.endpointId ?? anyEndpointOf(pool, names),
    positionOf(pool),
  ]);
  const exceptions = await exceptionsFor(pool, standing, now);
  return { ...postureOfStanding({ ...names, endpointId }, standing, exceptions), position };
}

/** The posture that these threats make, but for how far tasks were followed. Names that are not given are those of the latest task. */
export function postureOfStanding(
  names: DeviceNames,
  standing: readonly ThreatTask[],
  exceptions: readonly MitigationException[],
): Omit<DevicePosture, 'position'> {
  const unresolved = unresolvedThreats(standing, exceptions);
  const [first] = unresolved.map(({ since }) => since).sort();
  const [latest] = standing.map(({ task }) => task).sort((a, b) => (isNewer(a, b) ? -1 : 1));
  const deviceId = names.deviceId ?? latest?.endpoint.deviceId;
  const agentId = names.agentId ?? latest?.endpoint.agentId;
  const endpointId = latest?.endpoint.endpointId ?? names.endpointId;
  return {
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(endpointId === undefined ? {} : { endpointId }),
    unresolved: unresolved.slice(0, MOST_LISTED),
    ...(first === undefined ? {} : { since: first }),
  };
}

/** The exceptions in force, read where one of these threats can be released by them. */
export async function exceptionsFor(
  pool: Pool,
  standing: readonly ThreatTask[],
  now: Date,
): Promise<MitigationException[]> {
  const mayBeReleased = standing.some(({ task }) => isReleasedByException(task.status));
  return mayBeReleased ? exceptionsAt(await loadExceptionRecords(pool), now.toISOString()) : [];
}

// The keys of a task that it decides on, in the place of all that it names: a row for each key would repeat them all.
const STANDING_COLUMNS = `
  t.task_id, t.version, t.endpoint, t.status, t.severity, array_agg(DISTINCT n.threat_key) AS threat_keys, t.acknowledged, t.run_opened_at,
  t.since`;
const DECIDES = 'JOIN vpn_policy.threat_task n ON n.task_id = t.task_id AND n.endpoint_id = t.endpoint_id';

const standingOf = (rows: readonly TaskRow[]) =>
  rows.map(taskOfRow).flatMap((task) => task.threatKeys.map((threatKey): ThreatTask => ({ threatKey, task })));

// An endpoint may have been taken for another device before: where the registry says that a task's agent runs on another one, its device
// id of then counts no more.
const RUNS_ELSEWHERE = `
  EXISTS (SELECT FROM vpn_policy.known_device k WHERE k.record ->> 'agentId' = t.endpoint ->> 'agentId' AND k.device_id <> $1)`;

/** The threats on a device whose newest task stands unresolved. */
async function loadStanding(pool: Pool, names: DeviceNames): Promise<ThreatTask[]> {
  const { rows } = await pool.query<TaskRow>({
    name: 'load-standing',
    text: `SELECT ${STANDING_COLUMNS} FROM (${ENDPOINTS}) AS e
           JOIN vpn_policy.task_posture t ON t.endpoint_id = e.endpoint_id AND t.since IS NOT NULL ${DECIDES}
           WHERE NOT (e.by_device AND ${RUNS_ELSEWHERE}) GROUP BY t.task_id`,
    values: valuesOf(names),
  });
  return standingOf(rows);
}

/** The threats on these endpoints whose newest task stands unresolved. */
export async function loadStandingOn(pool: Pool, endpointIds: readonly string[]): Promise<ThreatTask[]> {
  const { rows } = await pool.query<TaskRow>({
    name: 'load-standing-on',
    text: `SELECT ${STANDING_COLUMNS} FROM vpn_policy.task_posture t ${DECIDES}
           WHERE t.since IS NOT NULL AND t.endpoint_id = ANY($1::uuid[]) GROUP BY t.task_id`,
    values: [endpointIds],
  });
  return standingOf(rows);
}

async function anyEndpointOf(pool: Pool, names: DeviceNames): Promise<string | undefined> {
  const { rows } = await pool.query<{ endpoint_id: string }>({
    name: 'endpoint-of-device',
    text: `SELECT endpoint_id FROM (${ENDPOINTS}) AS e LIMIT 1`,
    values: valuesOf(names),
  });
  return rows[0]?.endpoint_id;
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
