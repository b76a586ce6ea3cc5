import type { Pool } from 'pg';

/** So few at a time that each deletion is a matter of milliseconds: an open write transaction holds the event feed. */
const CHUNK = 2000;

/** Deletes published decisions that were made before a time. @returns how many */
export async function forgetDecisions(pool: Pool, before: Date): Promise<number> {
  for (let forgotten = 0; ; ) {
    const { rowCount } = await pool.query(
      `DELETE FROM vpn_policy.decision WHERE id IN
         (SELECT id FROM vpn_policy.decision WHERE decided_at < $1 AND published ORDER BY decided_at LIMIT ${CHUNK})`,
      [before],
    );
    forgotten += rowCount ?? 0;
    if ((rowCount ?? 0) < CHUNK) return forgotten;
  }
}
