import { addRequestKeys } from '@quell/service-kit/jobs/job-table';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMA } from '../schema.ts';

/** Bulk jobs under an Idempotency-Key; the devices of a bulk job by the attempt that found them. */
export class BulkRequests0000000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of addRequestKeys(SCHEMA)) await runner.query(statement);
    await runner.query(`
      ALTER TABLE device_registry.bulk_target ADD COLUMN selection uuid;
      -- A job that has begun looks for its devices under its own id, as long as its checkpoint names no selection.
      UPDATE device_registry.bulk_target SET selection = job_id;
      ALTER TABLE device_registry.bulk_target ALTER COLUMN selection SET NOT NULL, DROP CONSTRAINT bulk_target_pkey,
        ADD PRIMARY KEY (selection, n);
      CREATE INDEX bulk_target_job ON device_registry.bulk_target (job_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DELETE FROM device_registry.bulk_target;
      ALTER TABLE device_registry.bulk_target DROP COLUMN selection, ADD PRIMARY KEY (job_id, n);
      DROP INDEX device_registry.bulk_target_job, device_registry.job_request_key;
      ALTER TABLE device_registry.job DROP COLUMN request_key, DROP COLUMN request_sha256;
    `);
  }
}
