import { createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';

/** An agent whose requests may pass, and the key that proves them. */
export interface AgentKey {
  readonly agentId: string;
  readonly endpointId: string;
  readonly key: KeyObject;
}

/** So long a replaced agent's requests may still pass at another replica. */
const CACHE_SECONDS = 5;

/** RFC 7638 thumbprint of a public key: the agentId. */
export function agentIdOf(publicKey: JWK): Promise<string> {
  return calculateJwkThumbprint(publicKey, 'sha256');
}

/** The key, or undefined for text that is no key or not the one way to write it: two ways would give one key two agentIds. */
export function keyOfJwk(publicKey: { kty: string; crv: string; x: string }): KeyObject | undefined {
  if (Buffer.from(publicKey.x, 'base64url').toString('base64url') !== publicKey.x) return undefined;
  try {
    return createPublicKey({ key: publicKey, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** The keys of the active agents, kept for a few seconds. */
export class AgentKeys {
  readonly #pool: Pool;
  readonly #cache = new LRUCache<string, AgentKey>({ max: 20_000, ttl: CACHE_SECONDS * 1000 });

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Undefined for an agent that is unknown, replaced or revoked. Rejects when the database cannot be asked. */
  async get(agentId: string): Promise<AgentKey | undefined> {
    const cached = this.#cache.get(agentId);
    if (cached !== undefined) return cached;
    const { rows } = await this.#pool.query<{
      endpoint_id: string;
      public_key: { kty: string; crv: string; x: string };
    }>(`SELECT endpoint_id, public_key FROM mitigation.agent WHERE agent_id = $1 AND status = 'active'`, [agentId]);
    const key = rows[0] === undefined ? undefined : keyOfJwk(rows[0].public_key);
    if (rows[0] === undefined || key === undefined) return undefined;
    const found = { agentId, endpointId: rows[0].endpoint_id, key };
    this.#cache.set(agentId, found);
    return found;
  }

  forget(agentId: string): void {
    this.#cache.delete(agentId);
  }
}
