import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { type ApiKeyRecord, type Authentication, bearerToken, hashOfKey, judgeKey } from './api-key.ts';
import type { Log } from './log.ts';

export interface Authenticator {
  /** Judges an `Authorization` header. Throws only when the database cannot be asked. */
  authenticate(header: string | undefined): Promise<Authentication>;
  /** Writes what is due of `last_used_at` and stops the timer. */
  close(): Promise<void>;
}

export interface AuthenticatorOptions {
  /** A pool of a role that may SELECT `auth.api_key` and UPDATE its `last_used_at`. */
  readonly pool: Pool;
  readonly log: Log;
  /** How long an answer may be reused, in seconds: so long a revoked key still works. At most 5. */
  readonly cacheSeconds?: number;
  /** How often `last_used_at` is written, in seconds. */
  readonly touchSeconds?: number;
  readonly now?: () => Date;
}

const UNKNOWN_KEY_SECONDS = 1;

interface Cached {
  readonly key: ApiKeyRecord | null;
}

/** API keys of `auth.api_key`, looked up by hash and cached. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { pool, log, now = () => new Date() } = options;
  const cacheSeconds = Math.min(options.cacheSeconds ?? 5, 5);
  const used = new Map<string, Date>();
  const cache = new LRUCache<string, Cached>({
    max: 10_000,
    ttl: cacheSeconds * 1000,
    // Without it a stale entry would be handed out while the next one is fetched.
    allowStale: false,
    fetchMethod: async (hash, _stale, { options: entry }) => {
      const key = await selectKey(pool, hash);
      if (key === null) entry.ttl = Math.min(UNKNOWN_KEY_SECONDS, cacheSeconds) * 1000;
      return { key };
    },
  });

  async function touch(): Promise<void> {
    if (used.size === 0) return;
    // Sorted, so that two services that touch the same keys lock them in one order.
    const rows = [...used].sort(([a], [b]) => (a < b ? -1 : 1));
    used.clear();
    await pool.query(
      `UPDATE auth.api_key AS k SET last_used_at = greatest(k.last_used_at, u.at)
       FROM (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS u(id, at) ORDER BY id) AS u WHERE k.id = u.id`,
      [rows.map(([id]) => id), rows.map(([, at]) => at)],
    );
  }
  const timer = setInterval(
    () => {
      touch().catch((err: unknown) => log.warn({ err }, 'last use of API keys was not written'));
    },
    (options.touchSeconds ?? 30) * 1000,
  );
  timer.unref();

  return {
    async authenticate(header) {
      const token = bearerToken(header);
      if (token === undefined) return { kind: 'refused', reason: header === undefined ? 'missing' : 'invalid' };
      const digest = hashOfKey(token).toString('hex');
      // Most calls find the key: no promise of a fetch for them.
      const cached = cache.get(digest) ?? (await cache.fetch(digest));
      const answer = judgeKey(cached?.key ?? null, now());
      if (answer.kind === 'accepted') used.set(answer.principal.keyId, now());
      return answer;
    },
    async close() {
      clearInterval(timer);
      await touch();
    },
  };
}

async function selectKey(pool: Pool, hexHash: string): Promise<ApiKeyRecord | null> {
  const { rows } = await pool.query<ApiKeyRecord>(
    `SELECT id, name, scopes, expires_at AS "expiresAt", revoked_at AS "revokedAt"
     FROM auth.api_key WHERE hash = decode($1, 'hex')`,
    [hexHash],
  );
  return rows[0] ?? null;
}
