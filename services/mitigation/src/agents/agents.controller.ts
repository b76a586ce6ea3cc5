import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { agentListQuery } from '@quell/contracts/agent-list';
import { agentId } from '@quell/contracts/vocabulary';
import { Scopes } from '@quell/service-kit/auth';
import { refusal } from '@quell/service-kit/problem-error';
import { FindAgent, ListAgents } from './handlers.ts';
import type { AgentListQuery } from './list-agents.ts';

@Controller('/v1/agents')
@Scopes('tasks:read')
export class AgentsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  list(@Query({ schema: agentListQuery }) query: AgentListQuery) {
    return this.queries.execute(new ListAgents(query));
  }

  @Get(':id')
  async find(@Param('id', { schema: agentId }) id: string) {
    const agent = await this.queries.execute(new FindAgent(id));
    if (agent === undefined) throw refusal('not-found', `There is no agent ${id}.`);
    return agent;
  }
}
