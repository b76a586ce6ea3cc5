import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which body came with an Idempotency-Key. */
export class IdempotencyKeys0000000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE device_registry.idempotency_key (
        key uuid PRIMARY KEY,
        request_sha256 text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX idempotency_key_created ON device_registry.idempotency_key (created_at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE device_registry.idempotency_key');
  }
}
