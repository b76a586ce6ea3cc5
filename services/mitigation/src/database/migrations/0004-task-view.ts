import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The list of tasks, folded from the feed. Every filter of `GET /v1/tasks` has an index; those that name an endpoint are read together,
 * the others end in the list's order.
 */
export class TaskView0000000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE mitigation.task_view (
        task_id uuid CONSTRAINT task_view_pk PRIMARY KEY,
        kind text NOT NULL,
        initiator text NOT NULL,
        severity smallint NOT NULL,
        endpoint_id uuid NOT NULL,
        hostname text,
        device_id text,
        agent_id text,
        status_code text NOT NULL,
        status_group text NOT NULL,
        action_required boolean NOT NULL,
        reason text,
        run int NOT NULL,
        mode text NOT NULL,
        attempt int NOT NULL,
        detection_count int NOT NULL,
        first_seen_at timestamptz,
        last_seen_at timestamptz,
        opened_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        version int NOT NULL,
        state json NOT NULL
      );
      CREATE INDEX task_view_updated ON mitigation.task_view (updated_at DESC, task_id);
      CREATE INDEX task_view_status ON mitigation.task_view (status_code, updated_at DESC, task_id);
      CREATE INDEX task_view_kind ON mitigation.task_view (kind, updated_at DESC, task_id);
      CREATE INDEX task_view_endpoint ON mitigation.task_view (endpoint_id, updated_at DESC, task_id);
      CREATE INDEX task_view_agent ON mitigation.task_view (agent_id);
      CREATE INDEX task_view_device ON mitigation.task_view (device_id);
      CREATE INDEX task_view_hostname ON mitigation.task_view (lower(hostname));
      CREATE INDEX task_view_severity ON mitigation.task_view (severity, updated_at DESC, task_id);
      CREATE INDEX task_view_action_required ON mitigation.task_view (action_required, updated_at DESC, task_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE mitigation.task_view');
  }
}
