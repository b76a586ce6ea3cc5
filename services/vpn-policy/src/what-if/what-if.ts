import { JobRunner } from '@quell/service-kit/jobs/job-runner';
import { Jobs } from '@quell/service-kit/jobs/jobs';
import type { Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { pruneParts } from './parts.ts';
import { whatIfJob } from './what-if-job.ts';

const PRUNE_EVERY_MS = 60_000;

/** What trying policies needs. */
export interface WhatIfParts {
  readonly pool: Pool;
  readonly jobs: Jobs;
  readonly runner: JobRunner;
  readonly stopping: () => boolean;
}

export function whatIfParts(pool: Pool, log: Log, stopping: () => boolean): WhatIfParts {
  const runner = new JobRunner({ pool, schema: SCHEMA, kinds: [whatIfJob(pool)], log });
  return { pool, jobs: new Jobs(pool, SCHEMA), runner, stopping };
}

/** Works on jobs, and deletes what they left, from now on. @returns how to end that */
export function startWhatIf({ pool, runner }: WhatIfParts, log: Log): () => Promise<void> {
  runner.start();
  const prune = () => pruneParts(pool).catch((err: unknown) => log.warn({ err }, 'old uploads were not deleted'));
  const timer = setInterval(prune, PRUNE_EVERY_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await runner.stop();
  };
}
