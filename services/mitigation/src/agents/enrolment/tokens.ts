import { createHash, randomBytes } from 'node:crypto';
import type { Pool } from 'pg';

export interface NewToken {
  readonly expiresInSeconds: number;
  readonly maxUses: number;
  readonly replacesAgentId?: string | undefined;
}

/** Makes an enrolment token. Only its hash is kept: the answer is the one place where the token shows. */
export async function makeToken(
  pool: Pool,
  wanted: NewToken,
  createdBy: string,
  now: Date,
): Promise<{ enrolmentToken: string; expiresAt: Date; maxUses: number }> {
  const enrolmentToken = `quell_enrol_${randomBytes(32).toString('base64url')}`;
  const expiresAt = new Date(now.getTime() + wanted.expiresInSeconds * 1000);
  await pool.query(
    `INSERT INTO mitigation.enrolment_token (token_sha256, expires_at, max_uses, replaces_agent_id, created_by, created_at)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [hashOfToken(enrolmentToken), expiresAt, wanted.maxUses, wanted.replacesAgentId, createdBy, now],
  );
  return { enrolmentToken, expiresAt, maxUses: wanted.maxUses };
}

/** How long an expired token is kept, for whoever asks what became of it. */
export const EXPIRED_TOKEN_DAYS = 30;

/** Deletes tokens that expired more than {@link EXPIRED_TOKEN_DAYS} before `now`; returns how many. */
export async function pruneTokens(pool: Pool, now: Date): Promise<number> {
  const { rowCount } = await pool.query(
    'DELETE FROM mitigation.enrolment_token WHERE expires_at < $1::timestamptz - make_interval(days => $2)',
    [now, EXPIRED_TOKEN_DAYS],
  );
  return rowCount ?? 0;
}

/** SHA-256 is enough for 256 random bits: there is nothing to guess. */
export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
