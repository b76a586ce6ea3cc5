import { type MitigationPolicy, mitigationPolicy } from '@quell/contracts/mitigation-policy';
import type { Pool } from 'pg';
import { type EffectivePolicy, effectivePolicy } from './policy.ts';

/** How long a replica may go on with a policy that another one changed, in milliseconds. */
const FRESH_MS = 1000;

/** The mitigation policy: one document, read often and changed seldom. */
export class PolicyStore {
  readonly #pool: Pool;
  readonly #installation: MitigationPolicy;
  readonly #maxQueuedTasks: number | undefined;
  #cached: { readonly at: number; readonly policy: Promise<MitigationPolicy> } | undefined;

  /**
   * @param installation the policy until somebody sets one
   * @param maxQueuedTasks see {@link EffectivePolicy}; absent: its default
   */
  constructor(pool: Pool, installation: MitigationPolicy, maxQueuedTasks?: number) {
    this.#pool = pool;
    this.#installation = installation;
    this.#maxQueuedTasks = maxQueuedTasks;
  }

  async current(): Promise<EffectivePolicy> {
    return effectivePolicy(await this.document(), this.#maxQueuedTasks);
  }

  /** The document as `GET /v1/mitigation-policy` answers it; at most a second old. */
  document(): Promise<MitigationPolicy> {
    const now = performance.now();
    if (this.#cached !== undefined && now - this.#cached.at < FRESH_MS) return this.#cached.policy;
    const policy = this.#read();
    this.#cached = { at: now, policy };
    policy.catch(() => {
      this.#cached = undefined;
    });
    return policy;
  }

  async replace(policy: MitigationPolicy): Promise<MitigationPolicy> {
    await this.#pool.query(
      `INSERT INTO mitigation.mitigation_policy (document, version) VALUES ($1, 1)
       ON CONFLICT (id) DO UPDATE SET document = excluded.document, version = mitigation_policy.version + 1, updated_at = now()`,
      [policy],
    );
    this.#cached = undefined;
    return policy;
  }

  async #read(): Promise<MitigationPolicy> {
    const { rows } = await this.#pool.query<{ document: unknown }>('SELECT document FROM mitigation.mitigation_policy');
    return rows[0] === undefined ? this.#installation : mitigationPolicy.parse(rows[0].document);
  }
}
