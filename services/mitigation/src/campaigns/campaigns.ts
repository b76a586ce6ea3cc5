import type { CampaignRequest, CampaignTargetQuery, CancelCampaignRequest } from '@quell/contracts/campaign';
import type { DeviceQuery } from '@quell/contracts/device-query';
import { JobRunner } from '@quell/service-kit/jobs/job-runner';
import { Jobs } from '@quell/service-kit/jobs/jobs';
import type { Log } from '@quell/service-kit/log';
import { LongReadPlaces } from '@quell/service-kit/long-reads';
import { SCHEMA } from '../database/schema.ts';
import { type CampaignParts, campaignJob } from './campaign-job.ts';
import { cancelCampaign, withdrawalJob } from './cancel-campaign.ts';
import { findCampaign, listCampaigns, listTargets } from './read-campaigns.ts';
import { previewCampaign, type StartBy, startCampaign } from './start-campaign.ts';

/** A campaign with a bound on its open tasks is a job until its last task is opened: it must not keep others from their turn. */
const JOBS_AT_ONCE = 16;
/** Fewer than there are connections for long reads: campaigns that start need some. */
const PREVIEWS_AT_ONCE = 2;

/** On-demand scans of many endpoints, and the jobs that do them. */
export class Campaigns {
  readonly #parts: CampaignParts;
  readonly #places = new LongReadPlaces(PREVIEWS_AT_ONCE, 'previews or counts');
  readonly #jobs: Jobs;
  readonly #runner: JobRunner;

  constructor(parts: CampaignParts, log: Log) {
    const { pool } = parts;
    this.#parts = parts;
    this.#jobs = new Jobs(pool, SCHEMA);
    const kinds = [campaignJob(parts), withdrawalJob(parts)];
    this.#runner = new JobRunner({ pool, schema: SCHEMA, kinds, log, atOnce: JOBS_AT_ONCE });
  }

  run(): void {
    this.#runner.start();
  }

  stop(): Promise<void> {
    return this.#runner.stop();
  }

  preview(query: DeviceQuery, signal: AbortSignal) {
    return this.#places.enter(() => previewCampaign(this.#parts.longReads, query, signal));
  }

  async start(request: CampaignRequest, by: StartBy, signal: AbortSignal) {
    const parts = { ...this.#parts, places: this.#places };
    const started = await startCampaign(parts, this.#jobs, request, by, signal);
    this.#runner.wake();
    return started;
  }

  list(query: { readonly limit: number; readonly cursor?: string | undefined }) {
    return listCampaigns(this.#parts.pool, query);
  }

  find(id: string) {
    return findCampaign(this.#parts.pool, id);
  }

  targets(id: string, query: CampaignTargetQuery) {
    return listTargets(this.#parts.pool, id, query);
  }

  async cancel(id: string, request: CancelCampaignRequest, actor: string) {
    const cancelled = await cancelCampaign(this.#parts.pool, this.#jobs, id, request, actor);
    this.#runner.wake();
    return cancelled;
  }
}
