import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What `tasks.v1` and `mitigation-exceptions.v1` said, as far as the inbox tells. All of it can be had again from the topics: empty the
 * tables and delete the rows of the two topics from the inbox, in one transaction.
 */
export class Posture0000000000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE vpn_policy.task_posture (
        task_id uuid PRIMARY KEY,
        version int NOT NULL,
        endpoint_id uuid NOT NULL,
        endpoint jsonb NOT NULL,
        status text NOT NULL,
        severity smallint NOT NULL,
        threat_keys text[] NOT NULL,
        acknowledged boolean NOT NULL,
        run_opened_at timestamptz NOT NULL,
        -- Absent: it does not stand unresolved.
        since timestamptz
      );
      CREATE INDEX task_posture_standing ON vpn_policy.task_posture (endpoint_id) WHERE since IS NOT NULL;

      -- The newest task for each threat on each endpoint. Tasks of one endpoint come from several partitions at once: each row only ever
      -- moves on to a newer task.
      CREATE TABLE vpn_policy.threat_task (
        endpoint_id uuid NOT NULL,
        threat_key text NOT NULL,
        task_id uuid NOT NULL,
        run_opened_at timestamptz NOT NULL,
        PRIMARY KEY (endpoint_id, threat_key)
      );
      CREATE INDEX threat_task_task ON vpn_policy.threat_task (task_id);

      -- Every endpoint that a task named under this device or agent.
      CREATE TABLE vpn_policy.endpoint_name (
        kind text NOT NULL CHECK (kind IN ('device', 'agent')),
        name text NOT NULL,
        endpoint_id uuid NOT NULL,
        PRIMARY KEY (kind, name, endpoint_id)
      );

      CREATE TABLE vpn_policy.mitigation_exception (
        id uuid PRIMARY KEY,
        version int NOT NULL,
        record jsonb NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE vpn_policy.mitigation_exception, vpn_policy.endpoint_name, vpn_policy.threat_task, vpn_policy.task_posture
    `);
  }
}
