import { timestamp, uuid } from '@quell/contracts/vocabulary';
import type { VpnDecisionInputs, VpnDecisionListQuery, VpnDecisionRecord } from '@quell/contracts/vpn-decision';
import { decodeCursor, type Page, pageOf } from '@quell/service-kit/cursor';
import type { ClientBase } from 'pg';
import { z } from 'zod';
import type { KeptDecision } from './kept-decision.ts';

type Queryable = Pick<ClientBase, 'query'>;

interface Row {
  readonly id: string;
  readonly decided_at: Date;
  readonly device_id: string | null;
  readonly policy_id: string | null;
  readonly policy_version: number | null;
  readonly chosen_by: VpnDecisionRecord['by'];
  readonly dialect: VpnDecisionRecord['dialect'];
  readonly decision: string;
  readonly reason: string | null;
  readonly posture: VpnDecisionRecord['posture'] | null;
}

const COLUMNS = 'id, decided_at, device_id, policy_id, policy_version, chosen_by, dialect, decision, reason, posture';
const position = z.tuple([timestamp, uuid]);

/** Decisions, the last first. */
export async function listDecisions(on: Queryable, query: VpnDecisionListQuery): Promise<Page<VpnDecisionRecord>> {
  const { device, policy, decision, since, cursor, limit } = query;
  const [at, id] = cursor === undefined ? [null, null] : decodeCursor(cursor, position);
  const conditions: string[] = [];
  const values: unknown[] = [];
  const where = (condition: (place: string) => string, value: unknown) => {
    if (value === undefined || value === null) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  where((place) => `device_id = ${place}`, device);
  where((place) => `policy_id = ${place}`, policy);
  where((place) => `decision = ANY (${place}::text[])`, decision);
  where((place) => `decided_at >= ${place}`, since);
  if (at !== null) {
    values.push(at, id);
    conditions.push(`(decided_at, id) < ($${values.length - 1}::timestamptz, $${values.length}::uuid)`);
  }
  const { rows } = await on.query<Row>(
    `SELECT ${COLUMNS} FROM vpn_policy.decision ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
     ORDER BY decided_at DESC, id DESC LIMIT ${limit + 1}`,
    values,
  );
  return pageOf(rows, limit, recordOf, (row) => [row.decided_at.toISOString(), row.id]);
}

/** One decision with its inputs. */
export async function findDecision(on: Queryable, id: string): Promise<KeptDecision | undefined> {
  const { rows } = await on.query<Row & { inputs: VpnDecisionInputs }>(
    `SELECT ${COLUMNS}, inputs FROM vpn_policy.decision WHERE id = $1`,
    [id],
  );
  return rows[0] === undefined ? undefined : { record: recordOf(rows[0]), inputs: rows[0].inputs };
}

/** The oldest that were not published. */
export async function unpublishedDecisions(on: Queryable, limit: number): Promise<VpnDecisionRecord[]> {
  const { rows } = await on.query<Row>(
    `SELECT ${COLUMNS} FROM vpn_policy.decision WHERE NOT published ORDER BY decided_at, id LIMIT ${limit}`,
  );
  return rows.map(recordOf);
}

function recordOf(row: Row): VpnDecisionRecord {
  return {
    id: row.id,
    decidedAt: row.decided_at.toISOString(),
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    ...(row.policy_id === null ? {} : { policyId: row.policy_id }),
    ...(row.policy_version === null ? {} : { policyVersion: row.policy_version }),
    by: row.chosen_by,
    dialect: row.dialect,
    decision: row.decision,
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.posture === null ? {} : { posture: row.posture }),
  };
}
