import { timestamp, uuid } from '@quell/contracts/vocabulary';
import type { VpnPolicyListQuery } from '@quell/contracts/vpn-policy-api';
import { decodeCursor } from '@quell/service-kit/cursor';
import type { ClientBase } from 'pg';
import { z } from 'zod';
import { type Policy, versionInForce } from '../policy/policy.ts';

/** A client, or a pool where one statement is enough. */
type Queryable = Pick<ClientBase, 'query'>;

/** Writes the policy as it is now, in the transaction of its append. Of its publications it keeps the content of the last one only. */
export async function savePolicyRow(client: ClientBase, policy: Policy): Promise<void> {
  await client.query(
    `INSERT INTO vpn_policy.policy AS p (policy_id, name, state, dialect, is_assigned, created_at, version, document)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (policy_id) DO UPDATE SET name = excluded.name, state = excluded.state, dialect = excluded.dialect,
       is_assigned = excluded.is_assigned, version = excluded.version, document = excluded.document
     WHERE p.version < excluded.version`,
    [
      policy.id,
      policy.name,
      policy.state,
      policy.draft.body.dialect,
      policy.assignment !== undefined,
      policy.createdAt,
      policy.version,
      JSON.stringify(kept(policy)),
    ],
  );
}

function kept(policy: Policy): Policy {
  const source = versionInForce(policy)?.source;
  const content = source === undefined ? undefined : policy.contents[source];
  return { ...policy, contents: source === undefined || content === undefined ? {} : { [source]: content } };
}

/** The policy of a row; the contents of older publications are in its stream only. */
export async function readPolicyRow(client: Queryable, policyId: string): Promise<Policy | undefined> {
  const { rows } = await client.query<{ document: Policy }>(
    'SELECT document FROM vpn_policy.policy WHERE policy_id = $1',
    [policyId],
  );
  return rows[0]?.document;
}

/** Those that decide for devices: published, and assigned to any. */
export async function readAssignedPolicies(client: Queryable): Promise<Policy[]> {
  const { rows } = await client.query<{ document: Policy }>(
    `SELECT document FROM vpn_policy.policy WHERE is_assigned AND state = 'published' ORDER BY policy_id`,
  );
  return rows.map(({ document }) => document);
}

const position = z.tuple([timestamp, uuid]);

/** One more than the page holds, the last created first. */
export async function readPolicyRows(client: Queryable, query: VpnPolicyListQuery): Promise<Policy[]> {
  const { state, dialect, name, assigned, cursor, limit } = query;
  const [createdAt, id] = cursor === undefined ? [null, null] : decodeCursor(cursor, position);
  const { rows } = await client.query<{ document: Policy }>(
    `SELECT document FROM vpn_policy.policy
     WHERE ($1::text[] IS NULL OR state = ANY ($1)) AND ($2::text[] IS NULL OR dialect = ANY ($2))
       AND ($3::text IS NULL OR position(lower($3) IN lower(name)) > 0)
       AND ($4::boolean IS NULL OR is_assigned = $4)
       AND ($5::timestamptz IS NULL OR created_at < $5 OR (created_at = $5 AND policy_id > $6))
     ORDER BY created_at DESC, policy_id LIMIT $7`,
    [state ?? null, dialect ?? null, name ?? null, assigned ?? null, createdAt, id, limit + 1],
  );
  return rows.map(({ document }) => document);
}
