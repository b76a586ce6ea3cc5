import type { AgentDto } from '@quell/contracts/agent-list';
import { hostnameForm } from '@quell/contracts/host-identifiers';
import { agentId, timestamp, uuid } from '@quell/contracts/vocabulary';
import { decodeCursor, type Page, pageOf } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import { z } from 'zod';

export interface AgentListQuery {
  /** An endpointId, agentId, deviceId or host name. */
  readonly endpoint?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** An agent with what is known of its machine. */
export interface AgentRow {
  readonly agent_id: string;
  readonly endpoint_id: string;
  readonly status: AgentDto['status'];
  readonly hostname: string | null;
  readonly device_id: string | null;
  readonly ips: string[];
  readonly macs: string[];
  readonly platform: AgentDto['platform'] | null;
  readonly os_version: string | null;
  readonly agent_version: string | null;
  readonly capabilities: AgentDto['capabilities'] | null;
  readonly enrolled_at: Date;
  readonly last_seen_at: Date | null;
}

/** Of `agent a`, its `endpoint e` and its `agent_last_seen s`. */
export const AGENT_COLUMNS = `a.agent_id, a.endpoint_id, a.status, a.enrolled_at, s.last_seen_at,
         e.hostname, e.device_id, e.ips, e.macs, e.platform, e.os_version, e.agent_version, e.capabilities`;

const SELECT = `
  SELECT ${AGENT_COLUMNS}
  FROM mitigation.agent a
  JOIN mitigation.endpoint e USING (endpoint_id)
  LEFT JOIN mitigation.agent_last_seen s ON s.agent_id = a.agent_id`;

// Each arm has its index; joined by OR over both tables none could be used.
const NAMED = `AND a.agent_id IN (
  SELECT $4 UNION ALL
  SELECT o.agent_id FROM mitigation.endpoint n JOIN mitigation.agent o USING (endpoint_id)
  WHERE n.device_id = $4 OR lower(n.hostname) = $5 OR n.endpoint_id = $6)`;

const namesOf = (endpoint: string) => [endpoint, hostnameForm(endpoint), uuid.safeParse(endpoint).data ?? null];

// Enrolments are stored with the milliseconds of a JavaScript Date, so a cursor loses nothing.
const position = z.tuple([timestamp, agentId]);

/** Agents, the latest enrolment first. An agent that was replaced shows the facts of the endpoint that it served. */
export async function listAgents(pool: Pool, query: AgentListQuery): Promise<Page<AgentDto>> {
  const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, position);
  const { rows } = await pool.query<AgentRow>(
    `${SELECT}
     WHERE ($1::timestamptz IS NULL OR a.enrolled_at < $1 OR (a.enrolled_at = $1 AND a.agent_id > $2))
       ${query.endpoint === undefined ? '' : NAMED}
     ORDER BY a.enrolled_at DESC, a.agent_id LIMIT $3`,
    [
      after?.[0] ?? null,
      after?.[1] ?? null,
      query.limit + 1,
      ...(query.endpoint === undefined ? [] : namesOf(query.endpoint)),
    ],
  );
  return pageOf(rows, query.limit, agentDtoOf, (row) => [row.enrolled_at.toISOString(), row.agent_id]);
}

/** One agent, or undefined. */
export async function findAgent(pool: Pool, agentId: string): Promise<AgentDto | undefined> {
  const { rows } = await pool.query<AgentRow>(`${SELECT} WHERE a.agent_id = $1`, [agentId]);
  return rows[0] === undefined ? undefined : agentDtoOf(rows[0]);
}

export function agentDtoOf(row: AgentRow): AgentDto {
  return {
    agentId: row.agent_id,
    endpointId: row.endpoint_id,
    status: row.status,
    ...(row.hostname === null ? {} : { hostname: row.hostname }),
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    ips: row.ips,
    macs: row.macs,
    ...(row.platform ? { platform: row.platform } : {}),
    ...(row.os_version === null ? {} : { osVersion: row.os_version }),
    ...(row.agent_version === null ? {} : { agentVersion: row.agent_version }),
    ...(row.capabilities ? { capabilities: row.capabilities } : {}),
    enrolledAt: row.enrolled_at.toISOString(),
    ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at.toISOString() }),
  };
}
