import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import {
  type CampaignDto,
  type CampaignPreview,
  type CampaignRequest,
  type CampaignTargetQuery,
  type CancelCampaignRequest,
  campaignListQuery,
  campaignRequest,
  campaignTargetQuery,
  cancelCampaignRequest,
} from '@quell/contracts/campaign';
import { uuid } from '@quell/contracts/vocabulary';
import type { Principal } from '@quell/service-kit/api-key';
import { CurrentPrincipal, Scopes } from '@quell/service-kit/auth';
import { goneSignal } from '@quell/service-kit/gone-signal';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { actorOf, idempotencyOf } from '../commands/commands.controller.ts';
import { Campaigns } from './campaigns.ts';

@Controller('/v1/campaigns')
export class CampaignsController {
  constructor(@Inject(Campaigns) private readonly campaigns: Campaigns) {}

  @Post()
  @Scopes('tasks:act')
  async start(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: campaignRequest }) request: CampaignRequest,
    @Headers('idempotency-key') key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CampaignDto | CampaignPreview> {
    const gone = goneSignal(reply.raw);
    if (request.preview) {
      reply.status(200);
      return this.campaigns.preview(request.query, gone);
    }
    const by = { actor: actorOf(principal), ...idempotencyOf(principal, key) };
    const started = await this.campaigns.start(request, by, gone);
    if (!started.ok) throw refusal(started.code, started.detail);
    return started.campaign;
  }

  @Get()
  @Scopes('tasks:read')
  list(@Query({ schema: campaignListQuery }) query: z.infer<typeof campaignListQuery>) {
    return this.campaigns.list(query);
  }

  @Get(':id')
  @Scopes('tasks:read')
  async find(@Param('id', { schema: uuid }) id: string): Promise<CampaignDto> {
    const found = await this.campaigns.find(id);
    if (found === undefined) throw noneWith(id);
    return found;
  }

  @Get(':id/targets')
  @Scopes('tasks:read')
  async targets(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: campaignTargetQuery }) query: CampaignTargetQuery,
  ) {
    const page = await this.campaigns.targets(id, query);
    if (page === undefined) throw noneWith(id);
    return page;
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Scopes('tasks:act')
  async cancel(
    @CurrentPrincipal() principal: Principal,
    @Param('id', { schema: uuid }) id: string,
    @Body({ schema: cancelCampaignRequest.optional() }) request: CancelCampaignRequest = { queuedTasks: 'withdraw' },
  ): Promise<CampaignDto> {
    const cancelled = await this.campaigns.cancel(id, request, actorOf(principal));
    if (!cancelled.ok) throw refusal(cancelled.code, cancelled.detail);
    return cancelled.campaign;
  }
}

const noneWith = (id: string) => refusal('not-found', `There is no campaign ${id}.`);
