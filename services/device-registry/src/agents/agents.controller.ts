import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Device as DeviceDto } from '@quell/contracts/device';
import {
  type AssignAgentRequest,
  assignAgentRequest,
  type UnresolvedAgent,
  unresolvedAgentQuery,
} from '@quell/contracts/device-api';
import { agentId } from '@quell/contracts/vocabulary';
import type { Principal } from '@quell/service-kit/api-key';
import { CurrentPrincipal, Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyReply } from 'fastify';
import type { Pool } from 'pg';
import type { z } from 'zod';
import { POOL } from '../database/pool.ts';
import { actorOf } from '../devices/actor.ts';
import { writtenDevice } from '../devices/written-device.ts';
import { AssignAgent } from './assign-handler.ts';
import { ListUnresolvedAgents } from './queries.ts';

@Controller('/v1/devices/unresolved-agents')
export class AgentsController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
    @Inject(POOL) private readonly pool: Pool,
  ) {}

  @Get()
  @Scopes('devices:read')
  list(
    @Query({ schema: unresolvedAgentQuery }) page: z.infer<typeof unresolvedAgentQuery>,
  ): Promise<Page<UnresolvedAgent>> {
    return this.queries.execute(new ListUnresolvedAgents(page));
  }

  @Post(':agentId/assign')
  @HttpCode(200)
  @Scopes('devices:write')
  async assign(
    @CurrentPrincipal() principal: Principal,
    @Param('agentId', { schema: agentId }) id: string,
    @Body({ schema: assignAgentRequest }) { deviceId }: AssignAgentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeviceDto> {
    const assignment = { agentId: id, deviceId, actor: actorOf(principal) };
    const answer = await this.commands.execute(new AssignAgent(assignment));
    if (answer.ok) return writtenDevice(this.pool, answer, reply);
    const { code, detail } = answer.refusal;
    throw refusal(code === 'unknown-agent' ? 'not-found' : 'conflict', detail);
  }
}
