import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { uuid } from '@quell/contracts/vocabulary';
import {
  type VpnDecisionDto,
  type VpnDecisionListQuery,
  type VpnDecisionRecord,
  vpnDecisionListQuery,
  vpnDecisionQuery,
} from '@quell/contracts/vpn-decision';
import { Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import { refusal } from '@quell/service-kit/problem-error';
import type { Pool } from 'pg';
import type { z } from 'zod';
import { POOL } from '../database/pool.ts';
import { answerAgain } from './answer-again.ts';
import { findDecision, listDecisions } from './read-decisions.ts';

@Controller('/v1/vpn/decisions')
@Scopes('vpn:read')
export class DecisionsController {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  @Get()
  list(@Query({ schema: vpnDecisionListQuery }) query: VpnDecisionListQuery): Promise<Page<VpnDecisionRecord>> {
    return listDecisions(this.pool, query);
  }

  @Get(':id')
  async find(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: vpnDecisionQuery }) { trace }: z.infer<typeof vpnDecisionQuery>,
  ): Promise<VpnDecisionDto> {
    const kept = await findDecision(this.pool, id);
    if (kept === undefined) throw refusal('not-found', `There is no decision ${id}, or none that was kept.`);
    const { record, inputs } = kept;
    return { ...record, inputs, ...(trace ? { answer: await answerAgain(this.pool, kept) } : {}) };
  }
}
