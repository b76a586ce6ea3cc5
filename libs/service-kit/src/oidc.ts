import { type Scope, scope as scopeSchema } from '@quell/contracts/scopes';
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Authentication } from './api-key.ts';
import type { Authenticator } from './authenticator.ts';
import { unavailable } from './problem-error.ts';

export interface OidcSettings {
  /** As in the tokens' `iss`; its `/.well-known/openid-configuration` names the keys. */
  readonly issuer: string;
  /** As in the tokens' `aud`. */
  readonly audience: string;
}

// Signatures only: a shared secret would let every service that checks tokens make them.
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const CLOCK_TOLERANCE_SECONDS = 30;
const DISCOVERY_TIMEOUT_MS = 3_000;

/**
 * Judges JWTs of an OpenID provider (RFC 9068: `scope`, or `scp` as some providers call it), and leaves every other
 * credential to `keys`. Scopes that Quell does not know are ignored.
 */
export function withOidc(keys: Authenticator, settings: OidcSettings): Authenticator {
  let found: Promise<JWTVerifyGetKey> | undefined;
  const signingKeys = () => {
    found ??= discover(settings.issuer);
    found.catch(() => {
      found = undefined;
    });
    return found;
  };
  return {
    async authenticate(header) {
      const token = jwtOf(header);
      if (token === undefined) return keys.authenticate(header);
      try {
        const { payload } = await jwtVerify(token, await signingKeys(), {
          issuer: settings.issuer,
          audience: settings.audience,
          algorithms,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          requiredClaims: ['exp', 'sub'],
        });
        return accepted(payload);
      } catch (error) {
        if (error instanceof errors.JOSEError && !isAbsence(error)) return { kind: 'refused', reason: 'invalid' };
        throw unavailable('The identity provider cannot be reached, so tokens cannot be judged now.', 5);
      }
    },
    close: () => keys.close(),
  };
}

function jwtOf(header: string | undefined): string | undefined {
  return /^bearer +(ey[\w-]+\.[\w-]+\.[\w-]+)$/i.exec(header ?? '')?.[1];
}

function accepted(payload: JWTPayload): Authentication {
  const subject = payload.sub ?? '';
  return {
    kind: 'accepted',
    principal: { keyId: `oidc:${subject}`, name: nameOf(payload) ?? subject, scopes: scopesOf(payload) },
  };
}

function nameOf(payload: JWTPayload): string | undefined {
  const { preferred_username: name } = payload;
  return typeof name === 'string' ? name : undefined;
}

function scopesOf(payload: JWTPayload): Scope[] {
  const claim = payload.scope ?? payload.scp ?? '';
  const names = Array.isArray(claim) ? claim : String(claim).split(' ');
  return names.filter((name): name is Scope => scopeSchema.safeParse(name).success);
}

async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  const { issuer: named, jwks_uri } = z.object({ issuer: z.string(), jwks_uri: z.url() }).parse(await response.json());
  // OpenID Connect Discovery 1.0, 4.3: it must be exactly the issuer that was asked.
  if (named !== issuer) throw new Error(`${url} is about another issuer, ${named}`);
  return createRemoteJWKSet(new URL(jwks_uri));
}

/** The key set could not be fetched, as opposed to: it does not know this token's key. */
function isAbsence(error: errors.JOSEError): boolean {
  return error instanceof errors.JWKSTimeout || error.code === 'ERR_JOSE_GENERIC';
}
