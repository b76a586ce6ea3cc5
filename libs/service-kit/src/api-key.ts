import { hash, randomBytes } from 'node:crypto';
import type { Scope } from '@quell/contracts/scopes';

/** A credential's row in `auth.api_key`, without its secret. */
export interface ApiKeyRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Who is calling, once a credential was accepted. */
export interface Principal {
  readonly keyId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
}

export type Authentication =
  | { readonly kind: 'accepted'; readonly principal: Principal }
  | { readonly kind: 'refused'; readonly reason: 'missing' | 'invalid' };

/** A new key: 256 random bits. `secret` is shown once; `prefix` lets people tell keys apart; `hash` is what is stored. */
export function newApiKey(): { secret: string; prefix: string; hash: Buffer } {
  const secret = `quell_${randomBytes(32).toString('base64url')}`;
  return { secret, prefix: prefixOf(secret), hash: hashOfKey(secret) };
}

/** The first characters of a key, too few to help in guessing it. */
export function prefixOf(secret: string): string {
  return secret.slice(0, 10);
}

/** SHA-256 is enough for a key of at least 128 random bits: there is nothing to guess, so nothing to slow down. */
export function hashOfKey(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** The token of an `Authorization: Bearer …` header; the scheme's case does not matter (RFC 9110, 11.1). */
export function bearerToken(header: string | undefined): string | undefined {
  return /^bearer +([\x21-\x7e]{1,512})$/i.exec(header ?? '')?.[1];
}

/** Judges a stored key at `now`. One answer for unknown, expired and revoked: a caller learns nothing from it. */
export function judgeKey(key: ApiKeyRecord | null, now: Date): Authentication {
  if (key === null || key.revokedAt !== null || (key.expiresAt !== null && key.expiresAt <= now)) {
    return { kind: 'refused', reason: 'invalid' };
  }
  return { kind: 'accepted', principal: { keyId: key.id, name: key.name, scopes: key.scopes } };
}

/** True when the principal may do what any one of `wanted` allows; `admin` includes every scope. */
export function mayDo(principal: Principal, wanted: readonly Scope[]): boolean {
  return principal.scopes.includes('admin') || wanted.some((scope) => principal.scopes.includes(scope));
}
