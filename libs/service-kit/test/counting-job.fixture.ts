import type { JobKind } from '../src/jobs/job-kind.ts';

/** Where the tests of jobs keep their rows. */
export const SCHEMA = 'jobs_test';

/** Counts to `to`: each chunk writes its number into the table `counted`, which would also hold it twice. */
export const countingKind: JobKind<{ to: number; pauseMilliseconds?: number }, number> = {
  kind: 'counting',
  step: async ({ id, input, checkpoint = 0 }) => {
    return async (client) => {
      const n = checkpoint + 1;
      await client.query(`INSERT INTO ${SCHEMA}.counted (job_id, n) VALUES ($1, $2)`, [id, n]);
      return {
        checkpoint: n,
        progress: { done: n, total: input.to, failed: 0 },
        done: n === input.to,
        ...(input.pauseMilliseconds === undefined ? {} : { pauseMilliseconds: input.pauseMilliseconds }),
      };
    };
  },
};
