import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Res, UseGuards } from '@nestjs/common';
import {
  type AgentTaskRequest,
  agentTaskRequest,
  attemptEventsRequest,
  type CheckInRequest,
  type CheckInResponse,
  checkInRequest,
} from '@quell/contracts/agent-protocol';
import { uuid } from '@quell/contracts/vocabulary';
import { Public } from '@quell/service-kit/auth';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AgentSignatureGuard, CurrentAgent, type SignedAgent } from '../agents/signature/agent-signature.guard.ts';
import { Delivery } from './delivery.ts';

const attemptPath = { id: uuid, n: z.coerce.number().int().min(1) };

/** What agents call about their work. Every call is signed; no API key is needed. */
@Controller('/v1')
@Public()
@UseGuards(AgentSignatureGuard)
export class DeliveryController {
  constructor(@Inject(Delivery) private readonly delivery: Delivery) {}

  @Post('agents/me/check-in')
  @HttpCode(200)
  checkIn(
    @CurrentAgent() agent: SignedAgent,
    @Body({ schema: checkInRequest }) request: CheckInRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CheckInResponse> {
    return this.delivery.checkIn(agent, request, goneSignal(reply));
  }

  @Post('tasks/:id/attempts/:n/events')
  @HttpCode(200)
  reports(
    @CurrentAgent() agent: SignedAgent,
    @Param('id', { schema: attemptPath.id }) taskId: string,
    @Param('n', { schema: attemptPath.n }) attempt: number,
    @Body({ schema: attemptEventsRequest }) { events }: z.infer<typeof attemptEventsRequest>,
  ) {
    return this.delivery.takeReports(agent, taskId, attempt, events);
  }

  @Post('agents/me/tasks')
  async start(
    @CurrentAgent() agent: SignedAgent,
    @Body({ schema: agentTaskRequest }) request: AgentTaskRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const answer = await this.delivery.startTask(agent, request);
    if (!answer.ok)
      throw refusal(answer.refusal.code === 'not-found' ? 'not-found' : 'conflict', answer.refusal.detail);
    reply.status(answer.known ? 200 : 201);
    return answer.ref;
  }

  /** The guard has noted the contact already. */
  @Post('agents/me/heartbeat')
  @HttpCode(204)
  heartbeat(): void {}

  @Get('agents/me/configuration')
  configuration(@Headers('if-none-match') known: string | undefined, @Res({ passthrough: true }) reply: FastifyReply) {
    const { etag, body } = this.delivery.configuration();
    reply.header('etag', etag);
    if (known === etag) {
      reply.status(304);
      return undefined;
    }
    return body;
  }
}

/** Aborts when the client hangs up before it was answered. The answer is watched: a connection outlives thousands of them. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => gone.abort());
  if (raw.destroyed || raw.socket?.destroyed) gone.abort();
  return gone.signal;
}
