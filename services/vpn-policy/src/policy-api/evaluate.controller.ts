import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { pageParameters } from '@quell/contracts/paging';
import { deviceId as deviceIdSchema, uuid } from '@quell/contracts/vocabulary';
import { vpnEvaluateQuery } from '@quell/contracts/vpn-evaluate';
import {
  type VpnDecision,
  type VpnPolicyEvaluateRequest,
  vpnDeviceEvaluateRequest,
  type vpnDevicePage,
  vpnPolicyEvaluateRequest,
} from '@quell/contracts/vpn-policy-api';
import { Scopes } from '@quell/service-kit/auth';
import { refusal } from '@quell/service-kit/problem-error';
import type { Pool } from 'pg';
import { z } from 'zod';
import { POOL } from '../database/pool.ts';
import { DecisionLog } from '../decision-log/decision-log.ts';
import { ActivePolicies } from '../policy-store/active-policies.ts';
import { readPolicyRow } from '../policy-store/policy-row.ts';
import { devicesOf } from './devices-of.ts';
import { type Deciding, decideByPolicy, decideForDevice } from './stored-decisions.ts';

const pageQuery = z.object(pageParameters);
type Trace = z.infer<typeof vpnEvaluateQuery>;

/** Deciding by stored policies, and which devices one is for. */
@Controller('/v1/vpn')
export class EvaluateController {
  readonly #parts: Deciding;

  constructor(
    @Inject(POOL) pool: Pool,
    @Inject(ActivePolicies) active: ActivePolicies,
    @Inject(DecisionLog) log: DecisionLog,
  ) {
    this.#parts = { pool, active, log };
  }

  @Post('policies/:id/evaluate')
  @HttpCode(200)
  @Scopes('vpn:evaluate')
  async byPolicy(
    @Param('id', { schema: uuid }) id: string,
    @Body({ schema: vpnPolicyEvaluateRequest }) asked: VpnPolicyEvaluateRequest,
    @Query({ schema: vpnEvaluateQuery }) { trace }: Trace,
  ): Promise<VpnDecision> {
    return withTrace(trace, await decideByPolicy(this.#parts, id, asked));
  }

  @Post('devices/:deviceId/evaluate')
  @HttpCode(200)
  @Scopes('vpn:evaluate')
  async forDevice(
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Body({ schema: vpnDeviceEvaluateRequest }) { context }: z.infer<typeof vpnDeviceEvaluateRequest>,
    @Query({ schema: vpnEvaluateQuery }) { trace }: Trace,
  ): Promise<VpnDecision> {
    return withTrace(trace, await decideForDevice(this.#parts, deviceId, context));
  }

  @Get('policies/:id/devices')
  @Scopes('vpn:read')
  async devices(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: pageQuery }) page: z.infer<typeof pageQuery>,
  ): Promise<z.infer<typeof vpnDevicePage>> {
    const policy = await readPolicyRow(this.#parts.pool, id);
    if (policy === undefined) throw refusal('not-found', `There is no policy ${id}.`);
    return devicesOf(this.#parts.pool, id, await this.#parts.active.all(), page);
  }
}

function withTrace(trace: boolean, decision: VpnDecision): VpnDecision {
  return trace || decision.answer === null ? decision : { ...decision, answer: { ...decision.answer, trace: [] } };
}
