import { createJobTable } from '@quell/service-kit/jobs/job-table';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMA } from '../schema.ts';

/** Long work, and the contexts that were uploaded for it. */
export class WhatIf0000000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of createJobTable(SCHEMA)) await runner.query(statement);
    // As bytes: a line may be anything until it is read.
    await runner.query(`
      CREATE TABLE vpn_policy.what_if_part (
        job_id uuid NOT NULL,
        n int NOT NULL,
        first_line int NOT NULL,
        lines bytea NOT NULL,
        staged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (job_id, n)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE vpn_policy.what_if_part, vpn_policy.job_failure, vpn_policy.job');
  }
}
