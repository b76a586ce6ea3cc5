import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { LOG, type Log } from '@quell/service-kit/log';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyRequest } from 'fastify';
import { LastSeen } from '../last-seen.ts';
import { AgentKeys } from './agent-keys.ts';
import { NonceLedger } from './nonce-ledger.ts';
import { rawBodyOf } from './raw-body.ts';
import { type SignedRequest, verifyAgentSignature } from './verify-signature.ts';

/** The agent that signed a request. */
export interface SignedAgent {
  readonly agentId: string;
  readonly endpointId: string;
  /** `created` of the signature, on the agent's clock, to the second. */
  readonly signedAt: Date;
}

interface WithAgent {
  agent?: SignedAgent;
}

/** One answer whatever was wrong. Node adds `Date`, from which an agent with a wrong clock takes its offset and signs once more. */
export const notAuthenticated = () =>
  refusal('unauthenticated', 'The signature or the credential is not valid.', {
    headers: { 'www-authenticate': 'Signature realm="quell"' },
  });

export function signedRequestOf(request: FastifyRequest): SignedRequest {
  return {
    method: request.method,
    target: request.originalUrl,
    rawHeaders: request.raw.rawHeaders,
    body: rawBodyOf(request),
  };
}

/** Lets only requests pass that an enrolled agent signed (RFC 9421), each once. Use with `@Public()`, which lifts the API key. */
@Injectable()
export class AgentSignatureGuard implements CanActivate {
  constructor(
    @Inject(AgentKeys) private readonly keys: AgentKeys,
    @Inject(NonceLedger) private readonly nonces: NonceLedger,
    @Inject(LastSeen) private readonly lastSeen: LastSeen,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest & WithAgent>();
    const now = new Date();
    let endpointId = '';
    const keyOf = async (agentId: string) => {
      const found = await this.keys.get(agentId);
      endpointId = found?.endpointId ?? '';
      return found?.key;
    };
    const verdict = await verifyAgentSignature(signedRequestOf(request), keyOf, now);
    if (!verdict.ok) return this.#refuse(verdict.reason);
    const nonce = await this.nonces.claim(verdict.agentId, verdict.nonce, verdict.created);
    if (nonce !== 'fresh') return this.#refuse(nonce);
    request.agent = { agentId: verdict.agentId, endpointId, signedAt: verdict.created };
    this.lastSeen.seen(verdict.agentId, now);
    return true;
  }

  #refuse(reason: string): never {
    this.log.debug({ reason }, 'an agent request was refused');
    throw notAuthenticated();
  }
}

/** The agent that signed the request, in a controller behind {@link AgentSignatureGuard}. */
export const CurrentAgent = createParamDecorator((_data: unknown, context: ExecutionContext): SignedAgent => {
  const { agent } = context.switchToHttp().getRequest<WithAgent>();
  if (agent === undefined) throw new Error('CurrentAgent on a route without AgentSignatureGuard');
  return agent;
});
