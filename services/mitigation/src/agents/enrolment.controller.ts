import { Body, Controller, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import {
  type EnrolRequest,
  type EnrolResponse,
  enrolmentTokenRequest,
  enrolRequest,
} from '@quell/contracts/agent-protocol';
import type { Principal } from '@quell/service-kit/api-key';
import { CurrentPrincipal, Public, Scopes } from '@quell/service-kit/auth';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyRequest } from 'fastify';
import { EndpointChanges } from '../endpoints/endpoint-changes.ts';
import { FailedAttempts } from './enrolment/failed-attempts.ts';
import type { NewToken } from './enrolment/tokens.ts';
import { EnrolAgent, MakeEnrolmentToken } from './handlers.ts';
import { LastSeen } from './last-seen.ts';
import { POLL_SETTINGS, type PollSettings } from './poll-settings.ts';
import { AgentKeys } from './signature/agent-keys.ts';
import { notAuthenticated, signedRequestOf } from './signature/agent-signature.guard.ts';

@Controller()
export class EnrolmentController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(FailedAttempts) private readonly failures: FailedAttempts,
    @Inject(AgentKeys) private readonly keys: AgentKeys,
    @Inject(LastSeen) private readonly lastSeen: LastSeen,
    @Inject(EndpointChanges) private readonly changes: EndpointChanges,
    @Inject(POLL_SETTINGS) private readonly poll: PollSettings,
  ) {}

  @Post('/v1/enrolment-tokens')
  @Scopes('agents:enrol')
  async makeToken(@Body({ schema: enrolmentTokenRequest }) wanted: NewToken, @CurrentPrincipal() by: Principal) {
    const token = await this.commands.execute(new MakeEnrolmentToken(wanted, by.name));
    return { ...token, expiresAt: token.expiresAt.toISOString() };
  }

  @Post('/v1/agents/enrol')
  @Public()
  @HttpCode(200)
  async enrol(
    @Req() http: FastifyRequest,
    @Body({ schema: enrolRequest }) request: EnrolRequest,
  ): Promise<EnrolResponse> {
    const address = http.ip;
    const now = new Date();
    const wait = this.failures.waitSeconds(address, now);
    if (wait !== undefined) {
      throw refusal('too-many-requests', 'Too many enrolments failed.', { headers: { 'retry-after': String(wait) } });
    }
    const outcome = await this.commands.execute(new EnrolAgent(signedRequestOf(http), request));
    if (outcome.kind !== 'enrolled' || outcome.agentId === undefined) {
      this.failures.failed(address, now);
      throw outcome.kind === 'conflict' ? refusal('identity-conflict', outcome.detail) : notAuthenticated();
    }
    if (outcome.replacedAgentId !== undefined) this.keys.forget(outcome.replacedAgentId);
    this.lastSeen.seen(outcome.agentId, now);
    // Not awaited: what follows is on record, and behind a roll-out of many agents it may take its time.
    void this.changes.deliver();
    return { agentId: outcome.agentId, endpointId: outcome.endpointId, poll: this.poll };
  }
}
