import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The devices that `devices.v1` told of, as they last were. */
export class Devices0000000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE vpn_policy.known_device (
        device_id text COLLATE "C" PRIMARY KEY,
        version int NOT NULL,
        device_group text,
        record json NOT NULL
      );
      CREATE INDEX known_device_group ON vpn_policy.known_device (device_group, device_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE vpn_policy.known_device');
  }
}
