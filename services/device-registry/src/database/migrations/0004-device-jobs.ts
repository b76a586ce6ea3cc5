import { createJobTable } from '@quell/service-kit/jobs/job-table';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMA } from '../schema.ts';

/** Imports and bulk jobs. What belongs to a job is pruned when the job has ended, so it needs no foreign key. */
export class DeviceJobs0000000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of createJobTable(SCHEMA)) await runner.query(statement);
    await runner.query(`
      -- An upload, a few hundred records a row; there before its job is.
      CREATE TABLE device_registry.import_chunk (
        job_id uuid NOT NULL,
        n int NOT NULL,
        records json NOT NULL,
        staged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (job_id, n)
      );

      -- Which line of an import had a device first.
      CREATE TABLE device_registry.import_line (
        job_id uuid NOT NULL,
        stream_id uuid NOT NULL,
        line int NOT NULL,
        PRIMARY KEY (job_id, stream_id)
      );

      -- The devices of a bulk job, as they were found when it started.
      CREATE TABLE device_registry.bulk_target (
        job_id uuid NOT NULL,
        n int NOT NULL,
        device_ids text[] NOT NULL,
        PRIMARY KEY (job_id, n)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE device_registry.bulk_target, device_registry.import_line, device_registry.import_chunk,
      device_registry.job_failure, device_registry.job`);
  }
}
