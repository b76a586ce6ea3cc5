import { createHash } from 'node:crypto';
import { canonicalJson } from '@quell/contracts/detection-identity';
import { uuidv5 } from '@quell/contracts/uuidv5';
import { z } from 'zod';
import type { Principal } from '../api-key.ts';
import { refusal } from '../problem-error.ts';

const NAMESPACE = '7d7a8a53-0a3e-5a0e-9d0e-6d1f1b6f2c41';
const header = z.string().min(1).max(256);

/** A request that may come again: what names it, and what it asked. */
export interface RequestKey {
  readonly key: string;
  readonly sha256: string;
}

/**
 * What an Idempotency-Key names: a space of its own for each credential and each call.
 *
 * @param value of the header; absent: the request is a new one each time
 * @param call such as the kind of the job that it asks for
 * @throws ProblemError 400 for a key that is empty or longer than 256 characters
 */
export function requestKeyOf(
  value: string | undefined,
  { keyId }: Pick<Principal, 'keyId'>,
  call: string,
  request: unknown,
): RequestKey | undefined {
  if (value === undefined) return undefined;
  const key = header.safeParse(value);
  const detail = 'Idempotency-Key must have 1 to 256 characters.';
  if (!key.success) throw refusal('invalid-request', detail, { errors: [{ pointer: '/idempotency-key', detail }] });
  return {
    key: uuidv5(JSON.stringify([keyId, call, key.data]), NAMESPACE),
    sha256: createHash('sha256').update(canonicalJson(request)).digest('hex'),
  };
}
