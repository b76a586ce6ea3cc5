import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { publicKeyJwk } from '@quell/contracts/agent-protocol';
import { calculateJwkThumbprint } from 'jose';
import { z } from 'zod';
import { isCode } from '../confined/directory.ts';
import { writeDurably } from '../settings/durable-file.ts';

/** Who the agent is: an Ed25519 key that never leaves the state folder. `agentId` is the RFC 7638 thumbprint of its public JWK. */
export interface Identity {
  readonly agentId: string;
  readonly publicKey: z.infer<typeof publicKeyJwk>;
  readonly privateKey: KeyObject;
}

const privateKeyJwk = z.strictObject({ ...publicKeyJwk.shape, d: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });

/** The key file is there and cannot be read as one. */
export class IdentityDamaged extends Error {
  constructor(path: string) {
    super(
      `${path} is damaged and is the agent's identity. Put it back from a backup, or remove it and enrol anew with a token made ` +
        'with replacesAgentId.',
    );
    this.name = 'IdentityDamaged';
  }
}

/**
 * Reads the key of a state folder, or makes it the first time (mode 0600).
 *
 * @throws IdentityDamaged when the file is there but no such key: it is never replaced, because a new key would be another agent
 */
export async function loadIdentity(stateDir: string): Promise<Identity> {
  const path = join(stateDir, 'identity.json');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (text !== undefined) return identityOf(readKey(path, text));
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  await writeDurably(path, JSON.stringify(jwk));
  return identityOf(privateKeyJwk.parse(jwk));
}

function readKey(path: string, text: string): z.infer<typeof privateKeyJwk> {
  try {
    return privateKeyJwk.parse(JSON.parse(text));
  } catch {
    throw new IdentityDamaged(path);
  }
}

async function identityOf(jwk: z.infer<typeof privateKeyJwk>): Promise<Identity> {
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  const publicKey = publicKeyJwk.parse(createPublicKey(privateKey).export({ format: 'jwk' }));
  return { agentId: await calculateJwkThumbprint(publicKey), publicKey, privateKey };
}
