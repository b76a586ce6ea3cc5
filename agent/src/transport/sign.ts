import { createHash, randomBytes, sign } from 'node:crypto';
import { SIGNATURE_LABEL, SIGNED_BODY_COMPONENT, SIGNED_COMPONENTS } from '@quell/contracts/agent-protocol';
import { createSignature } from 'http-message-sig';
import type { Identity } from '../identity/identity.ts';

/** A request as it goes out. `body` is what is sent, byte for byte. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: string;
  readonly body?: string;
}

/**
 * The headers that prove who sends a request: RFC 9421 with label `quell`, over method, path, query and, with a body, its RFC 9530
 * digest.
 *
 * @param createdSeconds Unix time put into the signature
 */
export async function signatureHeaders(
  request: OutgoingRequest,
  identity: Identity,
  createdSeconds: number,
): Promise<Record<string, string>> {
  const digest =
    request.body === undefined ? undefined : `sha-256=:${createHash('sha256').update(request.body).digest('base64')}:`;
  const { signature, signatureInput } = await createSignature(
    {
      kind: 'request',
      method: request.method,
      targetUri: request.url,
      fields: digest === undefined ? [] : [{ name: SIGNED_BODY_COMPONENT, value: digest }],
    },
    {
      label: SIGNATURE_LABEL,
      components: digest === undefined ? [...SIGNED_COMPONENTS] : [...SIGNED_COMPONENTS, SIGNED_BODY_COMPONENT],
      parameters: {
        created: createdSeconds,
        nonce: randomBytes(18).toString('base64url'),
        keyid: identity.agentId,
        alg: 'ed25519',
      },
      signer: { algorithm: 'ed25519', sign: (data) => sign(null, data, identity.privateKey) },
    },
  );
  return {
    'signature-input': signatureInput,
    signature,
    ...(digest === undefined ? {} : { [SIGNED_BODY_COMPONENT]: digest }),
  };
}
