import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Res, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  type AgentTaskRequest,
  agentTaskRequest,
  attemptEventsRequest,
  type CheckInRequest,
  type CheckInResponse,
  checkInRequest,
} from '@quell/contracts/agent-protocol';
import type { ProblemType } from '@quell/contracts/problem';
import { uuid } from '@quell/contracts/vocabulary';
import { Public } from '@quell/service-kit/auth';
import { goneSignal } from '@quell/service-kit/gone-signal';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AgentSignatureGuard, CurrentAgent, type SignedAgent } from '../agents/signature/agent-signature.guard.ts';
import { QUEUE_FULL_SECONDS } from '../policy/policy.ts';
import type { AgentTaskAnswer } from './agent-tasks.ts';
import { Delivery } from './delivery.ts';
import { LARGE_BODIES } from './large-bodies.ts';

const attemptPath = { id: uuid, n: z.coerce.number().int().min(1) };

/** What agents call about their work. Every call is signed; no API key is needed. */
@Controller('/v1')
@Public()
@UseGuards(AgentSignatureGuard)
export class DeliveryController {
  constructor(@Inject(Delivery) private readonly delivery: Delivery) {}

  @Post('agents/me/check-in')
  @RouteConfig(LARGE_BODIES)
  @HttpCode(200)
  checkIn(
    @CurrentAgent() agent: SignedAgent,
    @Body({ schema: checkInRequest }) request: CheckInRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CheckInResponse> {
    return this.delivery.checkIn(agent, request, goneSignal(reply.raw));
  }

  @Post('tasks/:id/attempts/:n/events')
  @RouteConfig(LARGE_BODIES)
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
  @RouteConfig(LARGE_BODIES)
  async start(
    @CurrentAgent() agent: SignedAgent,
    @Body({ schema: agentTaskRequest }) request: AgentTaskRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const answer = await this.delivery.startTask(agent, request);
    if (!answer.ok) {
      const { code, detail } = answer.refusal;
      throw code === 'queue-full' ? unavailable(detail, QUEUE_FULL_SECONDS) : refusal(problemOfRefusal(code), detail);
    }
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

type RefusalCode = Extract<AgentTaskAnswer, { ok: false }>['refusal']['code'];

/** The agent restores what only the server does not know of, but not beside another run: it has to tell the two apart. */
function problemOfRefusal(code: Exclude<RefusalCode, 'queue-full'>): ProblemType {
  return code === 'not-found' || code === 'nothing-to-restore' ? code : 'conflict';
}
