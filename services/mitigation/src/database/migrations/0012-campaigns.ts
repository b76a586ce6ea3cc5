import { createJobTable } from '@quell/service-kit/jobs/job-table';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMA } from '../schema.ts';

/** Long work as rows, and the first of it: campaigns with the endpoints that each one means. */
export class Campaigns0000000000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of createJobTable(SCHEMA)) await runner.query(statement);
    await runner.query(`
      CREATE TABLE mitigation.campaign (
        id uuid PRIMARY KEY,
        request jsonb NOT NULL,
        request_sha256 text NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        state text NOT NULL CHECK (state IN ('selecting', 'opening', 'opened', 'failed')),
        error text,
        -- Names the targets that count: those of a selection that was broken off have another.
        selection uuid,
        selected_at timestamptz,
        total int NOT NULL DEFAULT 0,
        opened int NOT NULL DEFAULT 0,
        skipped int NOT NULL DEFAULT 0,
        cancel_requested_at timestamptz,
        cancel_queued text CHECK (cancel_queued IN ('withdraw', 'keep'))
      );
      CREATE INDEX campaign_created ON mitigation.campaign (created_at DESC, id);

      CREATE TABLE mitigation.campaign_target (
        selection uuid NOT NULL,
        position int NOT NULL,
        endpoint_id uuid,
        device_id text,
        hostname text,
        state text NOT NULL CHECK (state IN ('waiting', 'opened', 'skipped')),
        reason text,
        task_id uuid,
        PRIMARY KEY (selection, position)
      );
      CREATE INDEX campaign_target_task ON mitigation.campaign_target (task_id) WHERE task_id IS NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE mitigation.campaign_target, mitigation.campaign, mitigation.job_failure, mitigation.job
    `);
  }
}
