import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The few decisions that unresolved threats made are found without reading all the others. */
export class DecisionsByPosture0000000000022 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX decision_posture ON vpn_policy.decision (decided_at DESC, id DESC) WHERE posture IS NOT NULL
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX vpn_policy.decision_posture');
  }
}
