import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where a task goes on whose endpoint lost its device to a machine that turned out to be it. */
export class FormerDevice0000000000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE mitigation.endpoint ADD COLUMN former_device_id text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE mitigation.endpoint DROP COLUMN former_device_id');
  }
}
