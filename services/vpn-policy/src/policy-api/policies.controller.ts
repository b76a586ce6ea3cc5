import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Put, Query, Res } from '@nestjs/common';
import { uuidv5 } from '@quell/contracts/uuidv5';
import { uuid } from '@quell/contracts/vocabulary';
import {
  type AssignVpnPolicy,
  assignVpnPolicy,
  publishVpnPolicy,
  retireVpnPolicy,
  rollBackVpnPolicy,
  type VpnPolicyDraft,
  type VpnPolicyDto,
  type VpnPolicyListQuery,
  type VpnPolicySummary,
  type VpnPolicyValidation,
  vpnPolicyDraft,
  vpnPolicyListQuery,
} from '@quell/contracts/vpn-policy-api';
import type { Principal } from '@quell/service-kit/api-key';
import { CurrentPrincipal, Scopes } from '@quell/service-kit/auth';
import { type Page, pageOf } from '@quell/service-kit/cursor';
import { etagOf, versionsOf } from '@quell/service-kit/etag';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyReply } from 'fastify';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { AnalysisThreads } from '../analysis/analysis-threads.ts';
import { POOL } from '../database/pool.ts';
import { isSame, type PolicyCommand } from '../policy/decide.ts';
import type { Policy } from '../policy/policy.ts';
import { ActivePolicies } from '../policy-store/active-policies.ts';
import { changePolicy, firstDraftOf, type PolicyAnswer } from '../policy-store/change-policy.ts';
import { readPolicyRow, readPolicyRows } from '../policy-store/policy-row.ts';
import { contentToKeep } from './content-to-keep.ts';
import { policyDtoOf, policySummaryOf } from './policy-dto.ts';
import { validate } from './validate.ts';

type IfMatch = string | undefined;

const idempotencyKey = z.string().min(1).max(256);

/** Of the ids of policies that were drafted under an Idempotency-Key. */
const DRAFTS = '5a3c1f0e-90d1-5f43-9d0c-2f1b6a7e4c58';

/** The draft is not the one that lint saw. */
class DraftChanged extends Error {
  override readonly name = 'DraftChanged';
}

/** The policies: drafts, publications, which devices they are for. */
@Controller('/v1/vpn/policies')
export class PoliciesController {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(ActivePolicies) private readonly active: ActivePolicies,
    @Inject(AnalysisThreads) private readonly threads: AnalysisThreads,
  ) {}

  @Post()
  @Scopes('vpn:write')
  async draft(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: vpnPolicyDraft }) draft: VpnPolicyDraft,
    @Headers('idempotency-key') key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VpnPolicyDto> {
    const id = key === undefined ? uuidv7() : uuidv5(`${principal.keyId}:${idempotencyKey.parse(key)}`, DRAFTS);
    const wanted = commandOf(draft);
    reply.header('location', `/v1/vpn/policies/${id}`);
    const before = key === undefined ? undefined : await firstDraftOf(this.pool, id);
    if (before === undefined)
      return this.#change(principal, id, () => ({ type: 'draft', ...wanted }), undefined, reply);
    if (isSame(before, wanted)) return answer(await this.#read(id), reply);
    throw refusal('unprocessable', 'The Idempotency-Key came with another body before.');
  }

  @Get()
  @Scopes('vpn:read')
  async list(@Query({ schema: vpnPolicyListQuery }) query: VpnPolicyListQuery): Promise<Page<VpnPolicySummary>> {
    const rows = await readPolicyRows(this.pool, query);
    return pageOf(rows, query.limit, policySummaryOf, ({ createdAt, id }) => [createdAt, id]);
  }

  @Get(':id')
  @Scopes('vpn:read')
  async find(
    @Param('id', { schema: uuid }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VpnPolicyDto> {
    return answer(await this.#read(id), reply);
  }

  @Put(':id/draft')
  @Scopes('vpn:write')
  edit(
    @CurrentPrincipal() principal: Principal,
    @Param('id', { schema: uuid }) id: string,
    @Body({ schema: vpnPolicyDraft }) draft: VpnPolicyDraft,
    @Headers('if-match') ifMatch: IfMatch,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VpnPolicyDto> {
    const command = { type: 'edit', ...commandOf(draft) } as const;
    return this.#change(principal, id, () => command, ifMatch, reply);
  }

  @Post(':id/validate')
  @HttpCode(200)
  @Scopes('vpn:read')
  async validate(@Param('id', { schema: uuid }) id: string): Promise<VpnPolicyValidation> {
    return validate(this.threads, (await this.#read(id)).draft.body);
  }

  @Post(':id/publish')
  @HttpCode(200)
  @Scopes('vpn:write')
  async publish(
    @CurrentPrincipal() principal: Principal,
    @Param('id', { schema: uuid }) id: string,
    @Body({ schema: publishVpnPolicy }) { reason, acceptFindings }: z.infer<typeof publishVpnPolicy>,
    @Headers('if-match') ifMatch: IfMatch,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VpnPolicyDto> {
    // Lint takes its time, in which no transaction should be open: it is done before, and again when the draft is another one by then.
    for (;;) {
      const linted = (await this.#read(id)).draft.body;
      const { blocking: errors } = await validate(this.threads, linted);
      const command = (policy: Policy | undefined): PolicyCommand => {
        if (policy !== undefined && !isSame(policy.draft.body, linted)) throw new DraftChanged();
        return { type: 'publish', errors, accepted: acceptFindings, reason };
      };
      try {
        return await this.#change(principal, id, command, ifMatch, reply);
      } catch (error) {
        if (!(error instanceof DraftChanged)) throw error;
      }
    }
  }

  @Post(':id/rollback')
  @HttpCode(200)
  @Scopes('vpn:write')
  rollBack(
    @CurrentPrincipal() principal: Principal,
    @Param('id', { schema: uuid }) id: string,
    @Body({ schema: rollBackVpnPolicy }) { version, reason }: z.infer<typeof rollBackVpnPolicy>,
    @Headers('if-match') ifMatch: IfMatch,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VpnPolicyDto> {
    return this.#change(principal, id, () => ({ type: 'roll-back', to: version, reason }), ifMatch, reply);
  }

  @Put(':id/assignment')
  @Scopes('vpn:write')
  assign(
    @CurrentPrincipal() principal: Principal,
    @Param('id', { schema: uuid }) id: string,
    @Body({ schema: assignVpnPolicy }) { reason, ...assignment }: AssignVpnPolicy,
    @Headers('if-match') ifMatch: IfMatch,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VpnPolicyDto> {
    return this.#change(principal, id, () => ({ type: 'assign', assignment, reason }), ifMatch, reply);
  }

  @Post(':id/retire')
  @HttpCode(200)
  @Scopes('vpn:write')
  retire(
    @CurrentPrincipal() principal: Principal,
    @Param('id', { schema: uuid }) id: string,
    @Body({ schema: retireVpnPolicy }) { reason }: z.infer<typeof retireVpnPolicy>,
    @Headers('if-match') ifMatch: IfMatch,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VpnPolicyDto> {
    return this.#change(principal, id, () => ({ type: 'retire', reason }), ifMatch, reply);
  }

  async #read(id: string): Promise<Policy> {
    const policy = await readPolicyRow(this.pool, id);
    if (policy === undefined) throw refusal('not-found', `There is no policy ${id}.`);
    return policy;
  }

  async #change(
    { keyId, name }: Principal,
    id: string,
    command: (policy: Policy | undefined) => PolicyCommand,
    ifMatch: IfMatch,
    reply: FastifyReply,
  ): Promise<VpnPolicyDto> {
    const by = { actor: `key:${keyId} (${name})`, requestId: randomUUID() };
    const changed = await changePolicy(this.pool, id, command, by, versionsOf(ifMatch));
    this.active.forget();
    return answer(accepted(changed), reply);
  }
}

function accepted(changed: PolicyAnswer): Policy {
  if (changed.ok) return changed.policy;
  throw refusal(changed.problem, changed.detail);
}

function answer(policy: Policy, reply: FastifyReply): VpnPolicyDto {
  reply.header('etag', etagOf(policy));
  return policyDtoOf(policy);
}

function commandOf({ name, description, body, posture, reason }: VpnPolicyDraft) {
  return { name, description, content: contentToKeep(body, posture), reason };
}
