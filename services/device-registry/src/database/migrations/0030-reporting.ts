import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What dashboards may read. Facts that point to a person's machine, such as names and addresses, stay here; so do the inputs of jobs. */
export class Reporting0000000000030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE SCHEMA IF NOT EXISTS reporting;
      CREATE VIEW reporting.devices AS
        SELECT d.id, d.model, d.platform, d.group_name, d.capabilities, d.tags, d.agent_id IS NOT NULL AS has_agent, s.last_seen_at,
          d.registered_at, d.updated_at, d.retired_at
        FROM device_registry.device d LEFT JOIN device_registry.device_seen s ON s.device_id = d.id;
      CREATE VIEW reporting.device_jobs AS
        SELECT id, kind, state, (progress ->> 'done')::int AS done, (progress ->> 'total')::int AS total, (progress ->> 'failed')::int AS failed,
          created_at, started_at, finished_at
        FROM device_registry.job;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP VIEW reporting.device_jobs, reporting.devices');
  }
}
