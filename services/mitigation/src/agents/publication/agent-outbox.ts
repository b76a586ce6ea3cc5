import type { AgentRecord } from '@quell/contracts/agent-record';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { AGENT_COLUMNS, type AgentRow, agentDtoOf } from '../list-agents.ts';

/** How long a claim keeps other replicas away. A publish gives up after 15 s, so none is under way when it ends. */
export const CLAIM_SECONDS = 60;

const MOST_AT_ONCE = 500;

/** Agents whose record has to be published, with what is to be said of each. */
export interface ClaimedAgents {
  readonly claim: string;
  readonly records: readonly AgentRecord[];
}

const CLAIM = `
  UPDATE mitigation.agent_publication SET claim = $1, claimed_until = now() + make_interval(secs => ${CLAIM_SECONDS})
  WHERE agent_id IN (
    SELECT agent_id FROM mitigation.agent_publication
    WHERE published_version < version AND claimed_until <= now()
    ORDER BY claimed_until LIMIT ${MOST_AT_ONCE} FOR UPDATE SKIP LOCKED
  )`;

// A statement after the claim, so that version and facts are of one snapshot. A device that was inferred from what the machine and the
// registry have in common is not said: the registry infers itself, and must not take our guess for the agent's word.
const READ = `
  SELECT ${AGENT_COLUMNS}, p.version, e.device_matched
  FROM mitigation.agent_publication p
  JOIN mitigation.agent a ON a.agent_id = p.agent_id
  JOIN mitigation.endpoint e ON e.endpoint_id = a.endpoint_id
  LEFT JOIN mitigation.agent_last_seen s ON s.agent_id = p.agent_id
  WHERE p.claim = $1`;

/** Claims agents with an unpublished version and reads them; no two claims that hold have an agent in common. */
export async function claimAgents(pool: Pool): Promise<ClaimedAgents> {
  const claim = uuidv7();
  const { rowCount } = await pool.query(CLAIM, [claim]);
  if (rowCount === 0) return { claim, records: [] };
  const { rows } = await pool.query<AgentRow & { version: number; device_matched: boolean }>(READ, [claim]);
  return {
    claim,
    records: rows.map((row) => ({
      ...agentDtoOf(row.device_matched ? { ...row, device_id: null } : row),
      version: row.version,
    })),
  };
}

const SETTLE = `
  UPDATE mitigation.agent_publication p
  SET published_version = d.version, published_at = now(), published_seen_at = d.seen_at, claim = NULL, claimed_until = '-infinity'
  FROM unnest($2::text[], $3::int[], $4::timestamptz[]) AS d (agent_id, version, seen_at)
  WHERE p.agent_id = d.agent_id AND p.claim = $1
  RETURNING p.agent_id`;

/**
 * Notes that a claim's records are published. Where the claim was lost meanwhile, what was published may stand behind a newer record,
 * and on a compacted topic the last one is kept: those agents get another version, which comes after both. Returns how many.
 */
export async function settleAgents(pool: Pool, { claim, records }: ClaimedAgents): Promise<number> {
  const { rows } = await pool.query<{ agent_id: string }>(SETTLE, [
    claim,
    records.map(({ agentId }) => agentId),
    records.map(({ version }) => version),
    records.map(({ lastSeenAt }) => lastSeenAt ?? null),
  ]);
  if (rows.length === records.length) return 0;
  const settled = new Set(rows.map((row) => row.agent_id));
  const lost = records.map(({ agentId }) => agentId).filter((agentId) => !settled.has(agentId));
  await pool.query('UPDATE mitigation.agent_publication SET version = version + 1 WHERE agent_id = ANY($1::text[])', [
    lost,
  ]);
  return lost.length;
}

const SAMPLE = `
  UPDATE mitigation.agent_publication SET version = version + 1
  WHERE agent_id IN (
    SELECT p.agent_id FROM mitigation.agent_publication p JOIN mitigation.agent_last_seen s USING (agent_id)
    WHERE p.published_version = p.version
      AND (p.published_seen_at IS NULL OR p.published_at <= now() - make_interval(secs => $1))
      AND date_trunc('milliseconds', s.last_seen_at) > coalesce(p.published_seen_at, '-infinity')
    LIMIT ${MOST_AT_ONCE} FOR UPDATE OF p SKIP LOCKED
  )`;

/**
 * Gives agents that made contact since their record another version, so that their `lastSeenAt` travels: the first one soon, then once
 * per `everySeconds` and agent at most. Returns how many, of {@link MOST_AT_ONCE} at most. Rows decide, so it does not matter how many replicas ask, or how often.
 */
export async function sampleContacts(pool: Pool, everySeconds: number): Promise<number> {
  const { rowCount } = await pool.query(SAMPLE, [everySeconds]);
  return rowCount ?? 0;
}
