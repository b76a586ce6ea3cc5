import type { Pool } from 'pg';

/** What is known of the boots of one agent. */
export interface Boots {
  /** The boot that made contact last; null before the first check-in. */
  readonly bootId: string | null;
  /** `created` of that boot's first request. */
  readonly bootSignedAt: Date | null;
  /** Boots before it, latest first. */
  readonly earlierBootIds: readonly string[];
  /** Set while two live agents claim the identity. */
  readonly conflictAt: Date | null;
}

/**
 * `same` or `new`: go on. `conflict`: two live agents claim one identity. `stale`: a request that a boot sent before it ended, late on
 * the way. The last two get 409 `identity-conflict`.
 */
export type BootVerdict = 'new' | 'same' | 'conflict' | 'stale';

const EARLIER_BOOTS_KEPT = 32;

/**
 * A clone shows as bootIds A, B, A; a kill and restart is A, B. A conflict holds against both until a boot that was never seen checks
 * in or the agent is enrolled anew: if two are still alive, the next request of the other one is a conflict again.
 *
 * @param signedAt `created` of the request: one that boot A signed before B's first was only slow, and proves no second machine
 */
export function judgeBoot(
  boots: Boots,
  bootId: string,
  signedAt: Date,
  now: Date,
): { verdict: BootVerdict; boots: Boots } {
  if (bootId === boots.bootId) return { verdict: boots.conflictAt === null ? 'same' : 'conflict', boots };
  const earlier = boots.earlierBootIds.includes(bootId);
  if (earlier && boots.conflictAt !== null) return { verdict: 'conflict', boots };
  // Whole seconds: two requests of one second cannot be told apart, so an equal time is no proof either.
  if (boots.bootSignedAt !== null && (earlier ? signedAt <= boots.bootSignedAt : signedAt < boots.bootSignedAt)) {
    return { verdict: 'stale', boots };
  }
  if (earlier) return { verdict: 'conflict', boots: { ...boots, conflictAt: now } };
  const earlierBootIds =
    boots.bootId === null ? [] : [boots.bootId, ...boots.earlierBootIds].slice(0, EARLIER_BOOTS_KEPT);
  return { verdict: 'new', boots: { bootId, bootSignedAt: signedAt, earlierBootIds, conflictAt: null } };
}

/** Judges a check-in's bootId and keeps what follows, in a transaction of its own. An agent without a row counts as stale. */
export async function recordBoot(
  pool: Pool,
  agentId: string,
  bootId: string,
  signedAt: Date,
  now: Date,
): Promise<BootVerdict> {
  for (;;) {
    const { rows } = await pool.query<Boots>(
      `SELECT boot_id AS "bootId", boot_signed_at AS "bootSignedAt", earlier_boot_ids AS "earlierBootIds", conflict_at AS "conflictAt"
       FROM mitigation.agent WHERE agent_id = $1`,
      [agentId],
    );
    const before = rows[0];
    if (before === undefined) return 'stale';
    const { verdict, boots } = judgeBoot(before, bootId, signedAt, now);
    if (boots === before) return verdict;
    const { rowCount } = await pool.query(
      `UPDATE mitigation.agent SET boot_id = $2, boot_signed_at = $3, earlier_boot_ids = $4, conflict_at = $5
       WHERE agent_id = $1 AND boot_id IS NOT DISTINCT FROM $6 AND (conflict_at IS NULL) = $7`,
      [
        agentId,
        boots.bootId,
        boots.bootSignedAt,
        boots.earlierBootIds,
        boots.conflictAt,
        before.bootId,
        before.conflictAt === null,
      ],
    );
    // Another request of this agent changed it in between: judge again.
    if (rowCount === 1) return verdict;
  }
}
