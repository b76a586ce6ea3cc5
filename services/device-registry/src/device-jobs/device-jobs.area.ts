import { JobRunner } from '@quell/service-kit/jobs/job-runner';
import { Jobs } from '@quell/service-kit/jobs/jobs';
import { LongReadPlaces } from '@quell/service-kit/long-reads';
import type { Area, RegistryParts } from '../area.ts';
import { BulkController } from '../bulk/bulk.controller.ts';
import { bulkJob } from '../bulk/bulk-job.ts';
import { SCHEMA } from '../database/schema.ts';
import { serveExport } from '../export/export-route.ts';
import { importJob } from '../import/import-job.ts';
import { serveImport } from '../import/import-route.ts';
import { JOB_PARTS, type JobParts } from './job-parts.ts';
import { JobsController } from './jobs.controller.ts';
import { keepPruning } from './prune.ts';

/** Two exports, and selections of bulk jobs and previews. */
const LONG_READS = 4;
const PREVIEWS_AT_ONCE = 2;

class DeviceJobsModule {}

/** Work on many devices at once: import, export, bulk changes, and the jobs that do them. */
export function openDeviceJobs({ database, feed, log, lifecycle }: RegistryParts): Area {
  const { pool } = database;
  const longReads = database.openPool(LONG_READS);
  const kinds = [importJob(pool, feed), bulkJob({ pool, longReads, feed })];
  const runner = new JobRunner({ pool, schema: SCHEMA, kinds, log });
  const parts: JobParts = {
    pool,
    longReads,
    places: new LongReadPlaces(PREVIEWS_AT_ONCE, 'previews or counts'),
    jobs: new Jobs(pool, SCHEMA),
    runner,
    feed,
    lifecycle,
  };
  return {
    module: {
      module: DeviceJobsModule,
      controllers: [JobsController, BulkController],
      providers: [{ provide: JOB_PARTS, useValue: parts }],
    },
    routes: (http, authenticator) => {
      serveImport(http, authenticator, parts);
      serveExport(http, authenticator, parts);
    },
    start: () => {
      runner.start();
      lifecycle.onStop('consumers', 'jobs', () => runner.stop());
      const pruning = keepPruning(pool, log, lifecycle.signal);
      lifecycle.onStop('consumers', 'pruning of jobs', () => pruning);
    },
  };
}
