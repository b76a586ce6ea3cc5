import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import {
  type MitigationExceptionDto,
  type MitigationExceptionRequest,
  mitigationExceptionQuery,
  mitigationExceptionRequest,
  type SuspendAnswer,
  suspendRequest,
} from '@quell/contracts/mitigation-exception';
import { uuid } from '@quell/contracts/vocabulary';
import type { Principal } from '@quell/service-kit/api-key';
import { CurrentPrincipal, Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyReply } from 'fastify';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { actorOf } from '../commands/commands.controller.ts';
import { POOL } from '../database/pool.ts';
import { ON_TASK_CHANGE, type OnTaskChange } from '../delivery/on-task-change.ts';
import { PolicyStore } from '../policy/policy-store.ts';
import { addException, deleteException, listExceptions } from './exception-list.ts';
import { exceptionDtoOf, findException } from './exception-row.ts';
import { suspendException } from './suspend.ts';

@Controller('/v1/mitigation-exceptions')
export class ExceptionsController {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(PolicyStore) private readonly policies: PolicyStore,
    @Inject(ON_TASK_CHANGE) private readonly onChange: OnTaskChange,
  ) {}

  @Get()
  @Scopes('tasks:read')
  list(
    @Query({ schema: mitigationExceptionQuery }) query: z.infer<typeof mitigationExceptionQuery>,
  ): Promise<Page<MitigationExceptionDto>> {
    return listExceptions(this.pool, query);
  }

  @Get(':id')
  @Scopes('tasks:read')
  async find(@Param('id', { schema: uuid }) id: string): Promise<MitigationExceptionDto> {
    const found = await findException(this.pool, id);
    if (found === undefined) throw noneWith(id);
    return exceptionDtoOf(found);
  }

  @Post()
  @Scopes('policy:write')
  async add(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: mitigationExceptionRequest }) request: MitigationExceptionRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MitigationExceptionDto> {
    const added = await addException(this.pool, request, actorOf(principal));
    if (added.ok) {
      reply.status(added.isNew ? 201 : 200);
      return added.exception;
    }
    if (added.code === 'full') throw refusal('conflict', added.detail);
    const errors = [{ pointer: '/expiresAt', detail: added.detail }];
    throw refusal('unprocessable', `/expiresAt: ${added.detail}`, { errors });
  }

  @Delete(':id')
  @Scopes('policy:write')
  @HttpCode(204)
  async remove(@Param('id', { schema: uuid }) id: string): Promise<void> {
    if (!(await deleteException(this.pool, id))) throw noneWith(id);
  }

  @Post(':id/suspend')
  @Scopes('policy:write')
  @HttpCode(200)
  async suspend(
    @CurrentPrincipal() principal: Principal,
    @Param('id', { schema: uuid }) id: string,
    @Body({ schema: suspendRequest }) { taskIds }: z.infer<typeof suspendRequest>,
  ): Promise<SuspendAnswer> {
    const by = { actor: actorOf(principal), requestId: uuidv7() };
    const outcome = await suspendException(this.pool, await this.policies.current(), id, taskIds, by);
    if (outcome.ok) {
      this.onChange(outcome.endpointIds);
      return outcome.answer;
    }
    const { code, detail, index } = outcome;
    throw refusal(code, detail, index === undefined ? {} : { errors: [{ pointer: `/taskIds/${index}`, detail }] });
  }
}

function noneWith(id: string) {
  return refusal('not-found', `There is no mitigation exception ${id}.`);
}
