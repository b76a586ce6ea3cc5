import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Policies as their streams last were, written with every append: lists and decisions read their own writes. */
export class Policies0000000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE vpn_policy.policy (
        policy_id uuid PRIMARY KEY,
        name text NOT NULL,
        state text NOT NULL,
        dialect text NOT NULL,
        is_assigned boolean NOT NULL,
        created_at timestamptz NOT NULL,
        version int NOT NULL,
        document json NOT NULL
      );
      CREATE INDEX policy_created ON vpn_policy.policy (created_at DESC, policy_id);
      CREATE INDEX policy_assigned ON vpn_policy.policy (policy_id) WHERE is_assigned AND state = 'published';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE vpn_policy.policy');
  }
}
