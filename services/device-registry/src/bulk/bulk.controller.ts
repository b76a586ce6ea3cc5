import { Body, Controller, Headers, HttpCode, Inject, Post, Res } from '@nestjs/common';
import { type DeviceBulkPreview, type DeviceBulkRequest, deviceBulkRequest } from '@quell/contracts/device-bulk';
import type { JobDto } from '@quell/contracts/job';
import type { Principal } from '@quell/service-kit/api-key';
import { CurrentPrincipal, Scopes } from '@quell/service-kit/auth';
import { goneSignal } from '@quell/service-kit/gone-signal';
import { type RequestKey, requestKeyOf } from '@quell/service-kit/jobs/request-key';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyReply } from 'fastify';
import { JOB_PARTS, type JobParts } from '../device-jobs/job-parts.ts';
import { actorOf } from '../devices/actor.ts';
import { BULK, type BulkInput } from './bulk-job.ts';
import { prepareAction } from './decide-action.ts';
import { countDevices, previewAction } from './preview.ts';

@Controller('/v1/devices/bulk')
export class BulkController {
  constructor(@Inject(JOB_PARTS) private readonly parts: JobParts) {}

  @Post()
  @HttpCode(202)
  @Scopes('devices:write')
  async change(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: deviceBulkRequest }) request: DeviceBulkRequest,
    @Headers('idempotency-key') key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeviceBulkPreview | JobDto> {
    const { longReads, places } = this.parts;
    const { query, action, preview } = request;
    const verdictOf = prepareAction(action);
    if (typeof verdictOf === 'string') {
      const errors = [{ pointer: '/action/template', detail: verdictOf }];
      throw refusal('invalid-request', `/action/template: ${verdictOf}`, { errors });
    }
    if (preview) {
      reply.code(200);
      return places.enter(() => previewAction(longReads, query, verdictOf, goneSignal(reply.raw)));
    }
    const requestKey = requestKeyOf(key, principal, BULK, request);
    const job = await this.#job(request, requestKey, actorOf(principal), goneSignal(reply.raw));
    reply.headers({ location: `/v1/devices/jobs/${job.id}`, 'retry-after': '1' });
    return job;
  }

  // A repeat is answered before anything is counted: by then the devices may not match any more.
  async #job(
    { query, action, expectedCount }: DeviceBulkRequest,
    requestKey: RequestKey | undefined,
    createdBy: string,
    gone: AbortSignal,
  ): Promise<JobDto> {
    const { longReads, places, jobs, runner } = this.parts;
    const known = requestKey && (await jobs.findRequested(requestKey));
    if (known !== undefined) return known;
    if (expectedCount !== undefined) {
      const count = await places.enter(() => countDevices(longReads, query, gone));
      if (count !== expectedCount) {
        throw refusal('conflict', `The query means ${count} devices, not ${expectedCount}. Nothing was done.`);
      }
    }
    const input: BulkInput = { query, action, ...(expectedCount === undefined ? {} : { expectedCount }) };
    const job = { kind: BULK, input, createdBy };
    const created = await (requestKey === undefined ? jobs.create(job) : jobs.createOnce(job, requestKey));
    runner.wake();
    return created;
  }
}
