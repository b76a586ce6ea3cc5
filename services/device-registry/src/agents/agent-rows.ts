import type { AgentRecord } from '@quell/contracts/agent-record';
import type { Platform } from '@quell/contracts/vocabulary';
import type { ClientBase, Pool } from 'pg';
import type { AgentMatch, MatchedBy } from './match.ts';

/** A row of `device_agent`: the last record of an agent and what it was matched to. */
export interface AgentRow {
  readonly agent_id: string;
  readonly endpoint_id: string;
  readonly version: number;
  readonly status: AgentRecord['status'];
  readonly stated_device_id: string | null;
  readonly hostname: string | null;
  readonly ips: string[];
  readonly macs: string[];
  readonly platform: Platform | null;
  readonly enrolled_at: Date;
  readonly device_id: string | null;
  readonly matched_by: MatchedBy | null;
  readonly reason: string | null;
  readonly candidates: string[];
}

/** What the agent of a row was matched to. */
export function matchOf({ device_id, matched_by, reason, candidates }: AgentRow): AgentMatch {
  if (device_id !== null && matched_by !== null) return { kind: 'matched', deviceId: device_id, by: matched_by };
  return { kind: 'unresolved', reason: reason ?? '', candidates };
}

const columns = `a.agent_id, a.endpoint_id, a.version, a.status, a.stated_device_id, a.hostname, a.ips, a.macs, a.platform, a.enrolled_at,
  a.device_id, a.matched_by, a.reason, a.candidates`;

/** The rows of these agents, of all agents of these endpoints, and of the active agents of these devices. */
export async function loadAgents(
  client: ClientBase | Pool,
  named: { agentIds: readonly string[]; endpointIds?: readonly string[]; deviceIds?: readonly string[] },
): Promise<AgentRow[]> {
  const { rows } = await client.query<AgentRow>(
    `SELECT ${columns} FROM device_registry.device_agent AS a WHERE a.agent_id = ANY ($1::text[])
     UNION SELECT ${columns} FROM device_registry.device_agent AS a WHERE a.endpoint_id = ANY ($2::uuid[])
     UNION SELECT ${columns} FROM device_registry.device_agent AS a WHERE a.device_id = ANY ($3::text[]) AND a.status = 'active'`,
    [named.agentIds, named.endpointIds ?? [], named.deviceIds ?? []],
  );
  return rows;
}

/** What a record and its match leave in the row of its agent. */
export interface AgentEntry {
  readonly record: AgentRecord;
  readonly match: AgentMatch;
}

// `since` is when it became unresolved, or got its device: it moves when that changes, not with every record. No record takes an agent's
// device away: one that found none was read before somebody assigned it.
const UPSERT = `
  INSERT INTO device_registry.device_agent AS a (agent_id, endpoint_id, version, status, stated_device_id, hostname, ips, macs, platform,
    enrolled_at, device_id, matched_by, reason, candidates)
  SELECT agent_id, endpoint_id, version, status, stated_device_id, hostname, ips, macs, platform, enrolled_at, device_id, matched_by,
    reason, candidates
  FROM json_to_recordset($1) AS r (agent_id text, endpoint_id uuid, version int, status text, stated_device_id text, hostname text,
    ips text[], macs text[], platform text, enrolled_at timestamptz, device_id text, matched_by text, reason text, candidates text[])
  ORDER BY agent_id
  ON CONFLICT (agent_id) DO UPDATE SET endpoint_id = excluded.endpoint_id, version = excluded.version, status = excluded.status,
    stated_device_id = excluded.stated_device_id, hostname = excluded.hostname, ips = excluded.ips, macs = excluded.macs,
    platform = excluded.platform, enrolled_at = excluded.enrolled_at, device_id = coalesce(excluded.device_id, a.device_id),
    matched_by = coalesce(excluded.matched_by, a.matched_by), reason = CASE WHEN a.device_id IS NULL THEN excluded.reason END,
    candidates = CASE WHEN a.device_id IS NULL THEN excluded.candidates ELSE '{}' END,
    since = CASE WHEN a.device_id IS NOT DISTINCT FROM coalesce(excluded.device_id, a.device_id) THEN a.since ELSE excluded.since END
  WHERE a.version < excluded.version`;

export async function saveAgents(client: ClientBase, entries: readonly AgentEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map(({ record, match }) => ({
    agent_id: record.agentId,
    endpoint_id: record.endpointId,
    version: record.version,
    status: record.status,
    stated_device_id: record.deviceId,
    hostname: record.hostname,
    ips: record.ips,
    macs: record.macs,
    platform: record.platform,
    enrolled_at: record.enrolledAt,
    device_id: match.kind === 'matched' ? match.deviceId : null,
    matched_by: match.kind === 'matched' ? match.by : null,
    reason: match.kind === 'unresolved' ? match.reason : null,
    candidates: match.kind === 'unresolved' ? match.candidates : [],
  }));
  await client.query(UPSERT, [JSON.stringify(rows)]);
}

/** Somebody decided which device the agent runs on. */
export async function saveAssignment(client: ClientBase, agentId: string, deviceId: string): Promise<void> {
  const by: MatchedBy = 'assigned';
  await client.query(
    `UPDATE device_registry.device_agent SET device_id = $2, matched_by = $3, reason = NULL, candidates = '{}',
       since = date_trunc('milliseconds', clock_timestamp()) WHERE agent_id = $1`,
    [agentId, deviceId, by],
  );
}

/** Agents that are gone leave no row; what they told of their device stays with it. */
export async function forgetAgents(client: ClientBase, agentIds: readonly string[]): Promise<void> {
  if (agentIds.length === 0) return;
  await client.query('DELETE FROM device_registry.device_agent WHERE agent_id = ANY ($1::text[])', [agentIds]);
}

/** Notes when devices were seen; the latest counts. Rows in one order, so that two replicas cannot lock each other out. */
export async function noteSeen(client: ClientBase, seen: ReadonlyMap<string, string>): Promise<void> {
  if (seen.size === 0) return;
  await client.query(
    `INSERT INTO device_registry.device_seen AS s (device_id, last_seen_at)
     SELECT * FROM unnest($1::text[], $2::timestamptz[]) AS n (device_id, at) ORDER BY device_id COLLATE "C"
     ON CONFLICT (device_id) DO UPDATE SET last_seen_at = excluded.last_seen_at, noted_at = clock_timestamp()
     WHERE s.last_seen_at < excluded.last_seen_at`,
    [[...seen.keys()], [...seen.values()]],
  );
}
