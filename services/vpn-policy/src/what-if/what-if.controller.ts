import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import {
  type JobDto,
  type JobFailure,
  type JobFailureQuery,
  type JobListQuery,
  jobFailureQuery,
  jobListQuery,
} from '@quell/contracts/job';
import { uuid } from '@quell/contracts/vocabulary';
import { Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import { Jobs } from '@quell/service-kit/jobs/jobs';
import { refusal } from '@quell/service-kit/problem-error';

/** The jobs that try policies in many contexts. */
@Controller('/v1/vpn/what-if')
export class WhatIfController {
  constructor(@Inject(Jobs) private readonly jobs: Jobs) {}

  @Get()
  @Scopes('vpn:read')
  list(@Query({ schema: jobListQuery }) query: JobListQuery): Promise<Page<JobDto>> {
    return this.jobs.list(query);
  }

  @Get(':id')
  @Scopes('vpn:read')
  async find(@Param('id', { schema: uuid }) id: string): Promise<JobDto> {
    return found(id, await this.jobs.find(id));
  }

  @Get(':id/errors')
  @Scopes('vpn:read')
  async errors(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: jobFailureQuery }) query: JobFailureQuery,
  ): Promise<Page<JobFailure>> {
    return found(id, await this.jobs.failures(id, query));
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Scopes('vpn:evaluate')
  async cancel(@Param('id', { schema: uuid }) id: string): Promise<JobDto> {
    return found(id, await this.jobs.cancel(id));
  }
}

function found<T>(id: string, thing: T | undefined): T {
  if (thing === undefined) throw refusal('not-found', `There is no job ${id}.`);
  return thing;
}
