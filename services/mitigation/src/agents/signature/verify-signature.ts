import { createHash, type KeyObject, verify } from 'node:crypto';
import { SIGNATURE_LABEL, SIGNED_BODY_COMPONENT, SIGNED_COMPONENTS } from '@quell/contracts/agent-protocol';
import { isSignatureError, verifySignature } from 'http-message-sig';

/** How old `created` may be. Source: agent-protocol.md, Identity. */
export const MAX_AGE_SECONDS = 300;
/** How far `created` may lie ahead of our clock. */
export const MAX_AHEAD_SECONDS = 30;

/** A request as it came in over the wire. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as sent (origin form). */
  readonly target: string;
  /** Name, value, name, value … as Node's `rawHeaders` gives them. */
  readonly rawHeaders: readonly string[];
  /** The bytes of the body; undefined or empty without one. */
  readonly body: Buffer | undefined;
}

export type SignatureVerdict =
  | { readonly ok: true; readonly agentId: string; readonly nonce: string; readonly created: Date }
  /** `reason` is for the log and a counter only: the caller gets one generic 401. */
  | { readonly ok: false; readonly reason: string };

/**
 * Verifies the RFC 9421 signature of an agent: label `quell`, over method, path, query and the digest of the body, with a key that
 * `keyOf` knows for `keyid`. It does not look whether the nonce was used before.
 *
 * @throws whatever `keyOf` throws
 */
export async function verifyAgentSignature(
  request: SignedRequest,
  keyOf: (agentId: string) => Promise<KeyObject | undefined>,
  now: Date,
): Promise<SignatureVerdict> {
  const fields = fieldsOf(request.rawHeaders);
  const hasBody = request.body !== undefined && request.body.length > 0;
  if (hasBody && !digestFits(fields, request.body)) return { ok: false, reason: 'content-digest' };
  let lookupFailed: { readonly error: unknown } | undefined;
  try {
    const { parameters } = await verifySignature(
      // Only path and query of the URI are signed; the authority is whatever a proxy made of it.
      { kind: 'request', method: request.method, targetUri: `https://quell${request.target}`, fields },
      {
        label: SIGNATURE_LABEL,
        policy: {
          algorithms: ['ed25519'],
          requiredComponents: hasBody ? [...SIGNED_COMPONENTS, SIGNED_BODY_COMPONENT] : SIGNED_COMPONENTS,
          requiredParameters: ['created', 'nonce', 'keyid', 'alg'],
          // The library adds the skew to the age as well.
          maxAge: MAX_AGE_SECONDS - MAX_AHEAD_SECONDS,
          clockSkew: MAX_AHEAD_SECONDS,
          now: now.getTime() / 1000,
        },
        resolveVerifier: async ({ parameters: { keyid } }) => {
          const key = await keyOf(keyid ?? '').catch((error: unknown) => {
            lookupFailed = { error };
            return undefined;
          });
          if (key === undefined) throw new Error('unknown keyid');
          return { algorithm: 'ed25519', verify: (data, signature) => verify(null, data, key, signature) };
        },
      },
    );
    const { keyid, nonce, created } = parameters;
    if (keyid === undefined || created === undefined || nonce === undefined || !/^[\w+/=.~-]{8,128}$/.test(nonce)) {
      return { ok: false, reason: 'nonce' };
    }
    return { ok: true, agentId: keyid, nonce, created: new Date(created * 1000) };
  } catch (error) {
    if (lookupFailed !== undefined) throw lookupFailed.error;
    if (isSignatureError(error)) return { ok: false, reason: error.code };
    throw error;
  }
}

function fieldsOf(rawHeaders: readonly string[]): { name: string; value: string }[] {
  const fields: { name: string; value: string }[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    fields.push({ name: rawHeaders[index]!.toLowerCase(), value: rawHeaders[index + 1]! });
  }
  return fields;
}

// RFC 9530: a dictionary of algorithm to byte sequence.
function digestFits(fields: readonly { name: string; value: string }[], body: Buffer): boolean {
  const values = fields.filter((field) => field.name === SIGNED_BODY_COMPONENT);
  const digest = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|$)/.exec(values[0]?.value ?? '')?.[1];
  return values.length === 1 && digest === createHash('sha256').update(body).digest('base64');
}
