import { addRequestKeys } from '@quell/service-kit/jobs/job-table';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMA } from '../schema.ts';

/** What-if jobs under an Idempotency-Key. */
export class WhatIfRequests0000000000023 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of addRequestKeys(SCHEMA)) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX vpn_policy.job_request_key;
      ALTER TABLE vpn_policy.job DROP COLUMN request_key, DROP COLUMN request_sha256;
    `);
  }
}
