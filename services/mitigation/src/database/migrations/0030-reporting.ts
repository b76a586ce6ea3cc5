import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What dashboards may read: tasks as their list has them, without host names and payloads. */
export class Reporting0000000000030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE SCHEMA IF NOT EXISTS reporting;
      CREATE VIEW reporting.tasks AS
        SELECT task_id, kind, initiator, severity, endpoint_id, device_id, status_code, status_group, action_required, run, detection_count,
          opened_at, updated_at
        FROM mitigation.task_view;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP VIEW reporting.tasks');
  }
}
