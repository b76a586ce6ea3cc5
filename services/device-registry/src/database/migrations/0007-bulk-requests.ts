import { addRequestKeys } from '@quell/service-kit/jobs/job-table';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMA } from '../schema.ts';

/** Bulk jobs under an Idempotency-Key; the devices of a bulk job by the attempt that found them. */
export class BulkRequests0000000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of addRequestKeys(SCHEMA)) await runner.query(statement);
    // Without one: kept by a replica that is older than selections, as may still be there during an upgrade.
    await runner.query(`
      ALTER TABLE device_registry.bulk_target ADD COLUMN selection uuid, DROP CONSTRAINT bulk_target_pkey;
      CREATE UNIQUE INDEX bulk_target_part ON device_registry.bulk_target (job_id, n, selection) NULLS NOT DISTINCT;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DELETE FROM device_registry.bulk_target;
      ALTER TABLE device_registry.bulk_target DROP COLUMN selection, ADD PRIMARY KEY (job_id, n);
      DROP INDEX device_registry.job_request_key;
      ALTER TABLE device_registry.job DROP COLUMN request_key, DROP COLUMN request_sha256;
    `);
  }
}
