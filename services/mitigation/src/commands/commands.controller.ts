import { Body, Controller, Headers, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { openTaskRequest, type TaskDto } from '@quell/contracts/task';
import { acknowledgeRequest } from '@quell/contracts/task-api';
import { uuid } from '@quell/contracts/vocabulary';
import type { Principal } from '@quell/service-kit/api-key';
import { CurrentPrincipal, Scopes } from '@quell/service-kit/auth';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { QUEUE_FULL_SECONDS } from '../policy/policy.ts';
import { OpenScan, OrderTask, type TaskOrder } from './handlers.ts';
import type { OpenScanRequest } from './open-scan.ts';

const idempotencyKey = z.string().min(1).max(256).optional();

@Controller('/v1/tasks')
@Scopes('tasks:act')
export class CommandsController {
  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  @Post()
  async open(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: openTaskRequest }) request: OpenScanRequest,
    @Headers('idempotency-key') key: string | undefined,
  ): Promise<TaskDto> {
    const by = { actor: actorOf(principal), ...idempotencyOf(principal, key) };
    const answer = await this.commands.execute(new OpenScan(request, by));
    if (answer.ok) return answer.task;
    if (answer.code === 'queue-full') throw unavailable(answer.detail, QUEUE_FULL_SECONDS);
    const problem = { 'not-found': 'not-found', ambiguous: 'conflict', 'key-reused': 'unprocessable' } as const;
    throw refusal(problem[answer.code], answer.detail);
  }

  @Post(':id/run-cleanup')
  @HttpCode(200)
  runCleanup(@CurrentPrincipal() principal: Principal, @Param('id', { schema: uuid }) id: string) {
    return this.#order(principal, id, { name: 'run-cleanup' });
  }

  @Post(':id/retry')
  @HttpCode(200)
  retry(@CurrentPrincipal() principal: Principal, @Param('id', { schema: uuid }) id: string) {
    return this.#order(principal, id, { name: 'retry' });
  }

  @Post(':id/rollback')
  @HttpCode(200)
  rollback(@CurrentPrincipal() principal: Principal, @Param('id', { schema: uuid }) id: string) {
    return this.#order(principal, id, { name: 'rollback' });
  }

  @Post(':id/cancel')
  @HttpCode(200)
  cancel(@CurrentPrincipal() principal: Principal, @Param('id', { schema: uuid }) id: string) {
    return this.#order(principal, id, { name: 'cancel' });
  }

  @Post(':id/acknowledge')
  @HttpCode(200)
  acknowledge(
    @CurrentPrincipal() principal: Principal,
    @Param('id', { schema: uuid }) id: string,
    @Body({ schema: acknowledgeRequest.optional() }) body: z.infer<typeof acknowledgeRequest> | undefined,
  ) {
    return this.#order(principal, id, { name: 'acknowledge', note: body?.note });
  }

  async #order(principal: Principal, id: string, order: TaskOrder): Promise<TaskDto> {
    const by = { actor: actorOf(principal), requestId: uuidv7() };
    const answer = await this.commands.execute(new OrderTask(id, order, by));
    if (answer.ok) return answer.task;
    const { code, detail } = answer.refusal;
    throw refusal(code === 'not-found' ? 'not-found' : 'conflict', detail);
  }
}

/** Names can be chosen, ids cannot: the id says who it was, the name helps people. */
export function actorOf({ keyId, name }: Principal): string {
  return `key:${keyId} (${name})`;
}

/** The Idempotency-Key of a request, if it has one. @throws ProblemError 400 when it is none */
export function idempotencyOf({ keyId }: Principal, key: string | undefined) {
  const parsed = idempotencyKey.safeParse(key);
  if (!parsed.success) throw refusal('invalid-request', 'Idempotency-Key must have 1 to 256 characters.');
  return parsed.data === undefined ? {} : { idempotency: { owner: keyId, key: parsed.data } };
}
