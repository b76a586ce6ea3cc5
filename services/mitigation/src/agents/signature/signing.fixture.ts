import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { SIGNATURE_LABEL, SIGNED_BODY_COMPONENT, SIGNED_COMPONENTS } from '@quell/contracts/agent-protocol';
import { createSignatureSync } from 'http-message-sig';
import { agentIdOf } from './agent-keys.ts';
import type { SignedRequest } from './verify-signature.ts';

/** An agent's key, for tests. */
export interface TestAgent {
  readonly agentId: string;
  readonly publicKey: { kty: 'OKP'; crv: 'Ed25519'; x: string };
  readonly publicKeyObject: KeyObject;
  readonly privateKey: KeyObject;
}

export async function testAgent(): Promise<TestAgent> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x } = publicKey.export({ format: 'jwk' });
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: x ?? '' } as const;
  return { agentId: await agentIdOf(jwk), publicKey: jwk, publicKeyObject: publicKey, privateKey };
}

export interface Signing {
  readonly created?: Date;
  readonly nonce?: string;
  readonly keyid?: string;
  /** Default: what the protocol asks for. */
  readonly components?: readonly string[];
  readonly label?: string;
}

/** The headers that an agent sends with a request. */
export function signedHeaders(
  agent: TestAgent,
  method: string,
  target: string,
  body: string | undefined,
  {
    created = new Date(),
    nonce = randomUUID(),
    keyid = agent.agentId,
    components,
    label = SIGNATURE_LABEL,
  }: Signing = {},
): Record<string, string> {
  const digest = body === undefined ? undefined : `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  const headers: Record<string, string> =
    digest === undefined ? {} : { 'content-type': 'application/json', 'content-digest': digest };
  const fields = Object.entries(headers).map(([name, value]) => ({ name, value }));
  const { signature, signatureInput } = createSignatureSync(
    { kind: 'request', method, targetUri: `http://localhost${target}`, fields },
    {
      label,
      components: components ?? [...SIGNED_COMPONENTS, ...(digest === undefined ? [] : [SIGNED_BODY_COMPONENT])],
      parameters: { created: Math.floor(created.getTime() / 1000), nonce, keyid, alg: 'ed25519' },
      signer: { algorithm: 'ed25519', sign: (data) => sign(null, data, agent.privateKey) },
    },
  );
  return { ...headers, signature, 'signature-input': signatureInput };
}

/** A signed request as the server sees it. */
export function signedRequest(
  agent: TestAgent,
  method: string,
  target: string,
  body: string | undefined,
  signing: Signing = {},
): SignedRequest {
  const headers = signedHeaders(agent, method, target, body, signing);
  return {
    method,
    target,
    rawHeaders: Object.entries(headers).flat(),
    body: body === undefined ? undefined : Buffer.from(body),
  };
}
