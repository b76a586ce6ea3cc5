import pg from 'pg';
import type { AddGauge } from '../feed-metrics.ts';

/** What tells an operator that jobs go on: how many wait and run, and how long one has waited for a replica. */
export function measureJobs(
  gauge: AddGauge,
  { pool, schema }: { readonly pool: pg.Pool; readonly schema: string },
): void {
  const job = `${pg.escapeIdentifier(schema)}.job`;
  gauge('jobs_open', 'Jobs that are queued or running', ['kind', 'state'], async (self) => {
    const { rows } = await pool.query<{ kind: string; state: string; jobs: number }>(
      `SELECT kind, state, count(*)::int AS jobs FROM ${job} WHERE state IN ('queued', 'running') GROUP BY kind, state`,
    );
    for (const { kind, state, jobs } of rows) self.set({ kind, state }, jobs);
  });
  gauge(
    'jobs_longest_wait_seconds',
    'How long the job that waits longest has been held by no replica',
    [],
    async (self) => {
      const { rows } = await pool.query<{ seconds: number }>(
        `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - coalesce(claimed_until, created_at))), 0)::float8 AS seconds
       FROM ${job} WHERE state IN ('queued', 'running') AND coalesce(claimed_until < clock_timestamp(), true)`,
      );
      self.set(rows[0]!.seconds);
    },
  );
}
