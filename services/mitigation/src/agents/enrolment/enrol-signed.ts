import type { EnrolRequest } from '@quell/contracts/agent-protocol';
import type { Pool } from 'pg';
import { agentIdOf, keyOfJwk } from '../signature/agent-keys.ts';
import type { NonceLedger } from '../signature/nonce-ledger.ts';
import { type SignedRequest, verifyAgentSignature } from '../signature/verify-signature.ts';
import { type EnrolmentOutcome, enrol } from './enrol.ts';

/** `agentId` is set once the signature proved who asks. */
export type SignedEnrolment = EnrolmentOutcome & { readonly agentId?: string };

/** Enrols the key in the body, which must have signed the request: that proves possession of it. */
export async function enrolSigned(
  pool: Pool,
  nonces: NonceLedger,
  signed: SignedRequest,
  request: EnrolRequest,
  now: Date,
): Promise<SignedEnrolment> {
  const key = keyOfJwk(request.publicKey);
  if (key === undefined) return { kind: 'unauthenticated' };
  const agentId = await agentIdOf(request.publicKey);
  const verdict = await verifyAgentSignature(signed, async (keyid) => (keyid === agentId ? key : undefined), now);
  if (!verdict.ok) return { kind: 'unauthenticated' };
  if ((await nonces.claim(agentId, verdict.nonce, verdict.created)) !== 'fresh') return { kind: 'unauthenticated' };
  return { ...(await enrol(pool, agentId, request, now)), agentId };
}
