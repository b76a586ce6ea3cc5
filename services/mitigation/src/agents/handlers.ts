import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler, type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { AgentDto } from '@quell/contracts/agent-list';
import type { EnrolRequest } from '@quell/contracts/agent-protocol';
import type { Page } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import { POOL } from '../database/pool.ts';
import { enrolSigned, type SignedEnrolment } from './enrolment/enrol-signed.ts';
import { makeToken, type NewToken } from './enrolment/tokens.ts';
import { type AgentListQuery, findAgent, listAgents } from './list-agents.ts';
import { NonceLedger } from './signature/nonce-ledger.ts';
import type { SignedRequest } from './signature/verify-signature.ts';

export class MakeEnrolmentToken extends Command<Awaited<ReturnType<typeof makeToken>>> {
  constructor(
    readonly wanted: NewToken,
    readonly createdBy: string,
  ) {
    super();
  }
}

@CommandHandler(MakeEnrolmentToken)
export class MakeEnrolmentTokenHandler implements ICommandHandler<MakeEnrolmentToken> {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  execute = ({ wanted, createdBy }: MakeEnrolmentToken) => makeToken(this.pool, wanted, createdBy, new Date());
}

export class EnrolAgent extends Command<SignedEnrolment> {
  constructor(
    readonly signed: SignedRequest,
    readonly request: EnrolRequest,
  ) {
    super();
  }
}

@CommandHandler(EnrolAgent)
export class EnrolAgentHandler implements ICommandHandler<EnrolAgent> {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(NonceLedger) private readonly nonces: NonceLedger,
  ) {}

  execute = ({ signed, request }: EnrolAgent) => enrolSigned(this.pool, this.nonces, signed, request, new Date());
}

export class ListAgents extends Query<Page<AgentDto>> {
  constructor(readonly query: AgentListQuery) {
    super();
  }
}

@QueryHandler(ListAgents)
export class ListAgentsHandler implements IQueryHandler<ListAgents> {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  execute = ({ query }: ListAgents) => listAgents(this.pool, query);
}

export class FindAgent extends Query<AgentDto | undefined> {
  constructor(readonly agentId: string) {
    super();
  }
}

@QueryHandler(FindAgent)
export class FindAgentHandler implements IQueryHandler<FindAgent> {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  execute = ({ agentId }: FindAgent) => findAgent(this.pool, agentId);
}

export const agentHandlers = [MakeEnrolmentTokenHandler, EnrolAgentHandler, ListAgentsHandler, FindAgentHandler];
