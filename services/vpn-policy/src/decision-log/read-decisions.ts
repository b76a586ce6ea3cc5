import { timestamp, uuid } from '@quell/contracts/vocabulary';
import type {
  VpnDecisionInputs,
  VpnDecisionListQuery,
  VpnDecisionMessage,
  VpnDecisionRecord,
} from '@quell/contracts/vpn-decision';
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

/** Which decisions are meant; what is absent narrows nothing. */
export interface DecisionFilter {
  readonly device?: string | undefined;
  readonly policy?: string | undefined;
  readonly decision?: readonly string[] | undefined;
  readonly reason?: readonly string[] | undefined;
  /** Whether threats that stand unresolved made it. */
  readonly posture?: boolean | undefined;
  /** RFC 3339, both inclusive. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly dialects?: readonly string[] | undefined;
}

type Place = readonly [decidedAt: string, id: string];

/** Decisions, the last first. */
export async function listDecisions(on: Queryable, query: VpnDecisionListQuery): Promise<Page<VpnDecisionRecord>> {
  const { cursor, limit } = query;
  const after = cursor === undefined ? undefined : decodeCursor(cursor, position);
  const { where, values } = conditionOf(query, after);
  const { rows } = await on.query<Row>(
    `SELECT ${COLUMNS} FROM vpn_policy.decision ${where} ORDER BY decided_at DESC, id DESC LIMIT ${limit + 1}`,
    values,
  );
  return pageOf(rows, limit, recordOf, (row) => [row.decided_at.toISOString(), row.id]);
}

/** Decisions with their inputs, the last first. */
export async function readRecorded(
  on: Queryable,
  filter: DecisionFilter,
  after: Place | undefined,
  limit: number,
): Promise<KeptDecision[]> {
  const { where, values } = conditionOf(filter, after);
  const { rows } = await on.query<Row & { inputs: VpnDecisionInputs }>(
    `SELECT ${COLUMNS}, inputs FROM vpn_policy.decision ${where} ORDER BY decided_at DESC, id DESC LIMIT ${limit}`,
    values,
  );
  return rows.map((row) => ({ record: recordOf(row), inputs: row.inputs }));
}

/** How many are meant, counted no further than `most`. */
export async function countDecisions(on: Queryable, filter: DecisionFilter, most: number): Promise<number> {
  const { where, values } = conditionOf(filter, undefined);
  const { rows } = await on.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM (SELECT FROM vpn_policy.decision ${where} LIMIT ${most}) AS d`,
    values,
  );
  return rows[0]?.n ?? 0;
}

function conditionOf(filter: DecisionFilter, after: Place | undefined): { where: string; values: unknown[] } {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const add = (condition: (place: string) => string, value: unknown) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  add((place) => `device_id = ${place}`, filter.device);
  add((place) => `policy_id = ${place}::uuid`, filter.policy);
  add((place) => `decision = ANY (${place}::text[])`, filter.decision);
  add((place) => `reason = ANY (${place}::text[])`, filter.reason);
  add((place) => `dialect = ANY (${place}::text[])`, filter.dialects);
  add((place) => `decided_at >= ${place}::timestamptz`, filter.since);
  add((place) => `decided_at <= ${place}::timestamptz`, filter.until);
  // Not as a value, so that the index of those that are meant by true is used.
  if (filter.posture !== undefined) conditions.push(filter.posture ? 'posture IS NOT NULL' : 'posture IS NULL');
  if (after !== undefined) {
    values.push(...after);
    conditions.push(`(decided_at, id) < ($${values.length - 1}::timestamptz, $${values.length}::uuid)`);
  }
  return { where: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`, values };
}

/** One decision with its inputs. */
export async function findDecision(on: Queryable, id: string): Promise<KeptDecision | undefined> {
  const { rows } = await on.query<Row & { inputs: VpnDecisionInputs }>(
    `SELECT ${COLUMNS}, inputs FROM vpn_policy.decision WHERE id = $1`,
    [id],
  );
  return rows[0] === undefined ? undefined : { record: recordOf(rows[0]), inputs: rows[0].inputs };
}

/** Longer inputs are not published: what one message may have is the broker's to say. */
const PUBLISHED_INPUT_BYTES = 16 * 1024;

/** The oldest that were not published. */
export async function unpublishedDecisions(on: Queryable, limit: number): Promise<VpnDecisionMessage[]> {
  const { rows } = await on.query<Row & { inputs: VpnDecisionInputs | null }>(
    `SELECT ${COLUMNS}, CASE WHEN octet_length(inputs::text) <= ${PUBLISHED_INPUT_BYTES} THEN inputs END AS inputs
     FROM vpn_policy.decision WHERE NOT published ORDER BY decided_at, id LIMIT ${limit}`,
  );
  return rows.map((row) => ({ ...recordOf(row), ...(row.inputs === null ? {} : { inputs: row.inputs }) }));
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
