import pg from 'pg';

/**
 * DDL, for a later migration, of what lets a job be asked for under an Idempotency-Key (`Jobs.createOnce`): its key and the hash of what was asked stand in
 * its own row, and so are remembered for as long as the job.
 *
 * @param schema the service's own Postgres schema
 */
export function addRequestKeys(schema: string): string[] {
  const s = pg.escapeIdentifier(schema);
  return [
    `ALTER TABLE ${s}.job ADD COLUMN request_key uuid, ADD COLUMN request_sha256 text`,
    `CREATE UNIQUE INDEX job_request_key ON ${s}.job (request_key) WHERE request_key IS NOT NULL`,
  ];
}

/**
 * DDL of a service's jobs, for a migration: the table `job`, and `job_failure` for items that a job could not do.
 *
 * @param schema the service's own Postgres schema
 */
export function createJobTable(schema: string): string[] {
  const s = pg.escapeIdentifier(schema);
  return [
    // `claim` is made anew by each claim and `revision` counts the checkpoints: together they are what a save has to find unchanged.
    // `claims` counts the claims since the last checkpoint, so that a chunk that kills its process does not kill all for ever.
    `CREATE TABLE ${s}.job (
      id uuid CONSTRAINT job_pk PRIMARY KEY,
      kind text NOT NULL,
      state text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
      input jsonb NOT NULL,
      progress jsonb NOT NULL,
      checkpoint jsonb,
      result jsonb,
      error text,
      created_by text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      started_at timestamptz,
      finished_at timestamptz,
      cancel_requested_at timestamptz,
      claim uuid,
      claimed_until timestamptz,
      claims int NOT NULL DEFAULT 0,
      revision int NOT NULL DEFAULT 0
    )`,
    `CREATE INDEX job_open ON ${s}.job (id) WHERE state IN ('queued', 'running')`,
    `CREATE INDEX job_finished ON ${s}.job (finished_at) WHERE finished_at IS NOT NULL`,
    `CREATE TABLE ${s}.job_failure (
      job_id uuid NOT NULL CONSTRAINT job_failure_job REFERENCES ${s}.job (id) ON DELETE CASCADE,
      revision int NOT NULL,
      n int NOT NULL,
      failure jsonb NOT NULL,
      CONSTRAINT job_failure_pk PRIMARY KEY (job_id, revision, n)
    )`,
  ];
}
