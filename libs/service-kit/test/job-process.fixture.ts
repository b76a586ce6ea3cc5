import { createPool } from '../src/database.ts';
import { JobRunner } from '../src/jobs/job-runner.ts';
import { createLog } from '../src/log.ts';
import { countingKind, SCHEMA } from './counting-job.fixture.ts';

// A replica as a process of its own, for a test to kill.
const log = createLog('job-process', 'silent');
const pool = createPool({ connectionString: process.env.DATABASE_URL }, log);
new JobRunner({ pool, schema: SCHEMA, kinds: [countingKind], log, claimSeconds: 1 }).start();
