import { Controller, Get, Inject, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { type UnresolvedAgent, unresolvedAgentQuery } from '@quell/contracts/device-api';
import { Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import type { z } from 'zod';
import { ListUnresolvedAgents } from './queries.ts';

@Controller('/v1/devices/unresolved-agents')
export class AgentsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Scopes('devices:read')
  list(
    @Query({ schema: unresolvedAgentQuery }) page: z.infer<typeof unresolvedAgentQuery>,
  ): Promise<Page<UnresolvedAgent>> {
    return this.queries.execute(new ListUnresolvedAgents(page));
  }
}
