import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The log of decisions, and which of them are still to be published. */
export class Decisions0000000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE vpn_policy.decision (
        id uuid PRIMARY KEY,
        decided_at timestamptz NOT NULL,
        device_id text,
        policy_id uuid,
        policy_version int,
        chosen_by text NOT NULL,
        dialect text NOT NULL,
        decision text NOT NULL,
        reason text,
        posture json,
        inputs json NOT NULL,
        published boolean NOT NULL DEFAULT false
      );
      CREATE INDEX decision_decided ON vpn_policy.decision (decided_at DESC, id DESC);
      CREATE INDEX decision_device ON vpn_policy.decision (device_id, decided_at DESC, id DESC);
      CREATE INDEX decision_policy ON vpn_policy.decision (policy_id, decided_at DESC, id DESC);
      CREATE INDEX decision_decision ON vpn_policy.decision (decision, decided_at DESC, id DESC);
      CREATE INDEX decision_unpublished ON vpn_policy.decision (decided_at, id) WHERE NOT published;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE vpn_policy.decision');
  }
}
