import { isContentState } from '@quell/event-store/transient';
import type { Pool } from 'pg';
import type { KeptDecision } from './kept-decision.ts';

/** A decision as it is written: its inputs as JSON, whose length is known. */
export interface DecisionRow {
  readonly record: KeptDecision['record'];
  readonly inputs: string;
}

export function decisionRow({ record, inputs }: KeptDecision): DecisionRow {
  return { record, inputs: JSON.stringify(inputs) };
}

/**
 * Writes decisions; those that are there already stay. One that Postgres refuses as data does not keep the others back.
 *
 * @returns those that it refused
 * @throws whatever else keeps them from being written; then the same may be written again
 */
export async function writeDecisions(pool: Pool, decisions: readonly DecisionRow[]): Promise<DecisionRow[]> {
  try {
    await insert(pool, decisions);
    return [];
  } catch (error) {
    if (!isContentState(error)) throw error;
    if (decisions.length === 1) return [...decisions];
    const middle = decisions.length >> 1;
    const refused = await writeDecisions(pool, decisions.slice(0, middle));
    return [...refused, ...(await writeDecisions(pool, decisions.slice(middle)))];
  }
}

async function insert(pool: Pool, decisions: readonly DecisionRow[]): Promise<void> {
  const of = <T>(read: (record: KeptDecision['record']) => T): T[] => decisions.map(({ record }) => read(record));
  await pool.query({
    name: 'write-decisions',
    text: `INSERT INTO vpn_policy.decision (id, decided_at, device_id, policy_id, policy_version, chosen_by, dialect, decision, reason, posture,
             inputs)
           SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[],
             $10::json[], $11::json[])
           ON CONFLICT (id) DO NOTHING`,
    values: [
      of(({ id }) => id),
      of(({ decidedAt }) => decidedAt),
      of(({ deviceId }) => deviceId ?? null),
      of(({ policyId }) => policyId ?? null),
      of(({ policyVersion }) => policyVersion ?? null),
      of(({ by }) => by),
      of(({ dialect }) => dialect),
      of(({ decision }) => decision),
      of(({ reason }) => reason ?? null),
      of(({ posture }) => (posture === undefined ? null : JSON.stringify(posture))),
      decisions.map(({ inputs }) => inputs),
    ],
  });
}
