import { deadLetterSql } from '@quell/service-kit/dead-letter-table';
import { inboxSql } from '@quell/service-kit/inbox';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMA } from '../schema.ts';

/** Which agent runs on which device, and how far `agents.v1` was taken. */
export class Agents0000000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inboxSql(SCHEMA));
    await runner.query(deadLetterSql(SCHEMA));
    await runner.query(`
      -- The last record of each agent, and its device: none while it is not clear which.
      CREATE TABLE device_registry.device_agent (
        agent_id text PRIMARY KEY,
        endpoint_id uuid NOT NULL,
        version int NOT NULL,
        status text NOT NULL,
        stated_device_id text,
        hostname text,
        ips text[] NOT NULL,
        macs text[] NOT NULL,
        platform text,
        enrolled_at timestamptz NOT NULL,
        device_id text COLLATE "C",
        matched_by text,
        reason text,
        candidates text[] NOT NULL DEFAULT '{}',
        since timestamptz NOT NULL DEFAULT date_trunc('milliseconds', clock_timestamp()),
        CHECK ((device_id IS NULL) = (matched_by IS NULL)),
        CHECK ((device_id IS NULL) <> (reason IS NULL))
      );
      CREATE INDEX device_agent_endpoint ON device_registry.device_agent (endpoint_id);
      CREATE INDEX device_agent_device ON device_registry.device_agent (device_id);
      CREATE INDEX device_agent_unresolved ON device_registry.device_agent (since, agent_id) WHERE device_id IS NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE device_registry.device_agent, device_registry.dead_letter, device_registry.inbox');
  }
}
