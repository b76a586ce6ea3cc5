import type { Pool } from 'pg';
import { MAX_AGE_SECONDS, MAX_AHEAD_SECONDS } from './verify-signature.ts';

/** `used`: seen before. `too-old`: created before the ledger began, so it cannot be known whether it was seen. */
export type NonceVerdict = 'fresh' | 'used' | 'too-old';

interface Claim {
  readonly agentId: string;
  readonly nonce: string;
  readonly created: Date;
  readonly resolve: (verdict: NonceVerdict) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_BATCH = 500;

// The tables are UNLOGGED: a crash of Postgres empties them, so a signature from before it could be sent again. `since` is when the
// ledger began: the start of the postmaster, or the epoch row, which a crash removes too when the postmaster outlives it.
// A signature dated ahead of our clock (at most 30 s) can still outlive a crash by as much; every effect behind it is idempotent.
const CLAIM = `
  WITH begun AS (
    INSERT INTO mitigation.agent_nonce_epoch (id, since) VALUES (1, clock_timestamp()) ON CONFLICT (id) DO NOTHING RETURNING since
  ), fresh AS (
    INSERT INTO mitigation.agent_nonce (agent_id, nonce, created_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) ORDER BY 1, 2
    ON CONFLICT DO NOTHING RETURNING agent_id, nonce
  )
  SELECT greatest(pg_postmaster_start_time(), coalesce(
           (SELECT since FROM begun), (SELECT since FROM mitigation.agent_nonce_epoch), clock_timestamp())) AS since,
         (SELECT coalesce(json_agg(json_build_array(agent_id, nonce)), '[]') FROM fresh) AS fresh`;

/**
 * Lets each nonce of an agent pass once, over all replicas. Claims that come while one transaction runs go together into the next,
 * so a storm of requests costs few commits.
 */
export class NonceLedger {
  readonly #pool: Pool;
  #waiting: Claim[] = [];
  #busy = false;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Begins the ledger when it has not begun, so that the first signatures after a start do not fall into the second of its beginning. */
  async begin(): Promise<void> {
    await this.#pool.query(
      'INSERT INTO mitigation.agent_nonce_epoch (id, since) VALUES (1, clock_timestamp()) ON CONFLICT (id) DO NOTHING',
    );
  }

  /** Resolves once the nonce is committed. Rejects when the database cannot be asked. */
  claim(agentId: string, nonce: string, created: Date): Promise<NonceVerdict> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ agentId, nonce, created, resolve, reject });
      void this.#work();
    });
  }

  /** Forgets nonces whose signatures are too old to pass anyway; returns how many. */
  async prune(now: Date): Promise<number> {
    const seconds = MAX_AGE_SECONDS + MAX_AHEAD_SECONDS;
    const { rowCount } = await this.#pool.query(
      'DELETE FROM mitigation.agent_nonce WHERE created_at < $1::timestamptz - make_interval(secs => $2)',
      [now, seconds],
    );
    return rowCount ?? 0;
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      try {
        await this.#commit(batch);
      } catch (error) {
        for (const claim of batch) claim.reject(error);
      }
    }
    this.#busy = false;
  }

  async #commit(batch: readonly Claim[]): Promise<void> {
    const { rows } = await this.#pool.query<{ since: Date; fresh: [string, string][] }>({
      name: 'claim-nonces',
      text: CLAIM,
      values: [batch.map((c) => c.agentId), batch.map((c) => c.nonce), batch.map((c) => c.created)],
    });
    const { since, fresh } = rows[0]!;
    const left = new Set(fresh.map((pair) => pair.join(' ')));
    for (const claim of batch) {
      // Deleting lets only the first of two equal nonces in one batch pass.
      const first = left.delete(`${claim.agentId} ${claim.nonce}`);
      claim.resolve(!first ? 'used' : claim.created < since ? 'too-old' : 'fresh');
    }
  }
}
