import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which version of each agent `agents.v1` has, beside which it should have: the outbox of agents, who have no stream. */
export class AgentPublication0000000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Whether device_id was inferred from what the machine and the registry have in common; else the agent said it.
      ALTER TABLE mitigation.endpoint ADD COLUMN device_matched boolean NOT NULL DEFAULT false;

      -- Rewritten at every sampled contact: room on each page keeps the updates off the indexes.
      CREATE TABLE mitigation.agent_publication (
        agent_id text PRIMARY KEY REFERENCES mitigation.agent (agent_id),
        version int NOT NULL,
        published_version int NOT NULL DEFAULT 0,
        published_at timestamptz,
        -- lastSeenAt of the record that is there.
        published_seen_at timestamptz,
        claim uuid,
        claimed_until timestamptz NOT NULL DEFAULT '-infinity'
      ) WITH (fillfactor = 70);
      CREATE INDEX agent_publication_due ON mitigation.agent_publication (claimed_until) WHERE published_version < version;
      INSERT INTO mitigation.agent_publication (agent_id, version) SELECT agent_id, 1 FROM mitigation.agent;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE mitigation.agent_publication;
      ALTER TABLE mitigation.endpoint DROP COLUMN device_matched;
    `);
  }
}
