import type { UnresolvedAgent } from '@quell/contracts/device-api';
import { agentId, timestamp } from '@quell/contracts/vocabulary';
import { decodeCursor, type Page, pageOf } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { AgentRow } from './agent-rows.ts';

const place = z.tuple([timestamp, agentId]);

/** Active agents whose device is not clear, the longest waiting first. */
export async function listUnresolved(
  pool: Pool,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<UnresolvedAgent>> {
  const after = cursor === undefined ? undefined : decodeCursor(cursor, place);
  const { rows } = await pool.query<AgentRow & { since: Date }>(
    `SELECT agent_id, endpoint_id, hostname, ips, macs, platform, reason, candidates, since FROM device_registry.device_agent
     WHERE device_id IS NULL AND status = 'active' AND ($1::timestamptz IS NULL OR (since, agent_id) > ($1, $2))
     ORDER BY since, agent_id LIMIT $3`,
    [after?.[0] ?? null, after?.[1] ?? null, limit + 1],
  );
  return pageOf(rows, limit, unresolvedAgentOf, ({ since, agent_id }) => [since.toISOString(), agent_id]);
}

function unresolvedAgentOf(row: AgentRow & { since: Date }): UnresolvedAgent {
  return {
    agentId: row.agent_id,
    endpointId: row.endpoint_id,
    ...(row.hostname === null ? {} : { hostname: row.hostname }),
    ips: row.ips,
    macs: row.macs,
    ...(row.platform === null ? {} : { platform: row.platform }),
    reason: row.reason ?? '',
    candidates: row.candidates,
    since: row.since.toISOString(),
  };
}
