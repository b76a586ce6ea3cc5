import type { Notifier } from '@quell/event-store/notify';
import type { JobRunner } from '@quell/service-kit/jobs/job-runner';
import type { Jobs } from '@quell/service-kit/jobs/jobs';
import type { Lifecycle } from '@quell/service-kit/lifecycle';
import type { LongReadPlaces } from '@quell/service-kit/long-reads';
import type { Pool } from 'pg';

/** Injection token of {@link JobParts}. */
export const JOB_PARTS = Symbol('what jobs on devices build on');

/** What the routes of imports, exports and bulk jobs build on. */
export interface JobParts {
  readonly pool: Pool;
  /** For exports and selections, whose transactions last; apart from the others, so that they cannot take their connections. */
  readonly longReads: Pool;
  /** For previews and counts, which share `longReads` with exports and jobs. */
  readonly places: LongReadPlaces;
  readonly jobs: Jobs;
  readonly runner: JobRunner;
  readonly feed: Pick<Notifier, 'notify'>;
  readonly lifecycle: Lifecycle;
}
