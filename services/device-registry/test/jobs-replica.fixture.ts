import { createPool } from '@quell/service-kit/database';
import type { JobKind } from '@quell/service-kit/jobs/job-kind';
import { JobRunner } from '@quell/service-kit/jobs/job-runner';
import { createLog } from '@quell/service-kit/log';
import { bulkJob } from '../src/bulk/bulk-job.ts';
import { SCHEMA } from '../src/database/schema.ts';
import { importJob } from '../src/import/import-job.ts';

/** What does the jobs of a registry, as each of its replicas has it. */
export interface JobsReplica {
  readonly runner: JobRunner;
  stop(): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: as the runner takes them
type AnyKind = JobKind<any, any>;

/** @param wrap puts something around each kind */
export function startReplica(url: string, wrap: (kind: AnyKind) => AnyKind = (kind) => kind): JobsReplica {
  const log = createLog('replica', 'silent');
  const pool = createPool({ connectionString: url, max: 6 }, log);
  const feed = { notify: () => {} };
  const kinds = [importJob(pool, feed), bulkJob({ pool, longReads: pool, feed })].map(wrap);
  const runner = new JobRunner({ pool, schema: SCHEMA, kinds, log, pollSeconds: 0.05, claimSeconds: 1 });
  runner.start();
  return {
    runner,
    stop: async () => {
      await runner.stop();
      await pool.end();
    },
  };
}
