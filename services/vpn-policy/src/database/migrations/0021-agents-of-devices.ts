import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which device an agent runs on, as the registry says: posture asks it of every task of an endpoint that had several names. */
export class AgentsOfDevices0000000000021 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX known_device_agent ON vpn_policy.known_device ((record ->> 'agentId')) WHERE record ->> 'agentId' IS NOT NULL
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX vpn_policy.known_device_agent');
  }
}
