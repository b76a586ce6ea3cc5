import { Controller, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import {
  type JobDto,
  type JobFailure,
  type JobFailureQuery,
  type JobListQuery,
  type JobQuery,
  jobFailureQuery,
  jobListQuery,
  jobQuery,
} from '@quell/contracts/job';
import { uuid } from '@quell/contracts/vocabulary';
import { Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import { goneSignal } from '@quell/service-kit/gone-signal';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyReply } from 'fastify';
import { JOB_PARTS, type JobParts } from './job-parts.ts';

@Controller('/v1/devices/jobs')
export class JobsController {
  constructor(@Inject(JOB_PARTS) private readonly parts: JobParts) {}

  @Get()
  @Scopes('devices:read')
  list(@Query({ schema: jobListQuery }) query: JobListQuery): Promise<Page<JobDto>> {
    return this.parts.jobs.list(query);
  }

  @Get(':id')
  @Scopes('devices:read')
  async find(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: jobQuery }) { waitSeconds }: JobQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobDto> {
    const ended = AbortSignal.any([this.parts.lifecycle.signal, goneSignal(reply.raw)]);
    return found(id, await this.parts.jobs.findEnded(id, waitSeconds, ended));
  }

  @Get(':id/errors')
  @Scopes('devices:read')
  async errors(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: jobFailureQuery }) query: JobFailureQuery,
  ): Promise<Page<JobFailure>> {
    return found(id, await this.parts.jobs.failures(id, query));
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Scopes('devices:write')
  async cancel(@Param('id', { schema: uuid }) id: string): Promise<JobDto> {
    return found(id, await this.parts.jobs.cancel(id));
  }
}

function found<T>(id: string, thing: T | undefined): T {
  if (thing === undefined) throw refusal('not-found', `There is no job ${id}.`);
  return thing;
}
