import { compileQuery, type QueriedDevice } from '@quell/device-query/match';
import type { Pool } from 'pg';
import { type ReadyAssignment, readyAssignment } from '../policy/choose.ts';
import type { Policy } from '../policy/policy.ts';
import { readAssignedPolicies } from './policy-row.ts';

/** How long a replica may go on without what another one changed, in milliseconds. */
const FRESH_MS = 1000;

export interface ActivePolicy extends ReadyAssignment<QueriedDevice> {
  readonly policy: Policy;
}

/** The policies that decide for devices: read often, changed seldom. */
export class ActivePolicies {
  readonly #pool: Pool;
  #cached: { readonly at: number; readonly policies: Promise<readonly ActivePolicy[]> } | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** At most a second old; what this replica changed is in it at once. */
  all(): Promise<readonly ActivePolicy[]> {
    const now = performance.now();
    if (this.#cached !== undefined && now - this.#cached.at < FRESH_MS) return this.#cached.policies;
    const policies = this.#read();
    const cached = { at: now, policies };
    this.#cached = cached;
    policies.catch(() => {
      if (this.#cached === cached) this.#cached = undefined;
    });
    return policies;
  }

  forget(): void {
    this.#cached = undefined;
  }

  async #read(): Promise<readonly ActivePolicy[]> {
    const policies = await readAssignedPolicies(this.#pool);
    return policies.flatMap((policy) =>
      policy.assignment === undefined
        ? []
        : [{ ...readyAssignment(policy.id, policy.assignment, compileQuery), policy }],
    );
  }
}
