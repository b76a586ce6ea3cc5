import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who is out there: endpoints with their aliases, agents with their keys, what they held when, and what a request proves. */
export class Endpoints0000000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE mitigation.endpoint (
        endpoint_id uuid CONSTRAINT endpoint_pk PRIMARY KEY,
        device_id text CONSTRAINT endpoint_device_id_key UNIQUE,
        agent_id text CONSTRAINT endpoint_agent_id_key UNIQUE,
        hostname text,
        ips text[] NOT NULL DEFAULT '{}',
        macs text[] NOT NULL DEFAULT '{}',
        platform text,
        os_version text,
        agent_version text,
        capabilities text[],
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE INDEX endpoint_hostname ON mitigation.endpoint (lower(hostname));

      CREATE TABLE mitigation.agent (
        agent_id text CONSTRAINT agent_pk PRIMARY KEY,
        public_key jsonb NOT NULL,
        endpoint_id uuid NOT NULL CONSTRAINT agent_endpoint_fk REFERENCES mitigation.endpoint (endpoint_id),
        enrolment_id uuid NOT NULL CONSTRAINT agent_enrolment_id_key UNIQUE,
        status text NOT NULL CONSTRAINT agent_status_check CHECK (status IN ('active', 'replaced', 'revoked')),
        boot_id text,
        boot_signed_at timestamptz,
        earlier_boot_ids text[] NOT NULL DEFAULT '{}',
        conflict_at timestamptz,
        enrolled_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz
      );
      CREATE INDEX agent_endpoint ON mitigation.agent (endpoint_id);
      CREATE INDEX agent_enrolled ON mitigation.agent (enrolled_at DESC, agent_id);

      CREATE TABLE mitigation.enrolment_token (
        token_sha256 text PRIMARY KEY,
        expires_at timestamptz NOT NULL,
        max_uses int NOT NULL CHECK (max_uses > 0),
        uses int NOT NULL DEFAULT 0 CHECK (uses BETWEEN 0 AND max_uses),
        replaces_agent_id text,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );

      -- Rewritten all the time: room on each page keeps the updates off the index.
      CREATE TABLE mitigation.agent_last_seen (
        agent_id text PRIMARY KEY,
        last_seen_at timestamptz NOT NULL
      ) WITH (fillfactor = 50);

      CREATE UNLOGGED TABLE mitigation.agent_nonce (
        agent_id text NOT NULL,
        nonce text NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (agent_id, nonce)
      );
      CREATE INDEX agent_nonce_created ON mitigation.agent_nonce (created_at);
      -- Emptied together with agent_nonce by a crash, also by one that leaves the postmaster (and its start time) alive.
      CREATE UNLOGGED TABLE mitigation.agent_nonce_epoch (
        id int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
        since timestamptz NOT NULL
      );

      CREATE TABLE mitigation.host_interval (
        endpoint_id uuid NOT NULL REFERENCES mitigation.endpoint (endpoint_id),
        kind text NOT NULL CHECK (kind IN ('hostname', 'ip', 'mac')),
        value text NOT NULL,
        held_from timestamptz NOT NULL,
        held_to timestamptz,
        CHECK (held_to >= held_from)
      );
      CREATE UNIQUE INDEX host_interval_open ON mitigation.host_interval (endpoint_id, kind, value) WHERE held_to IS NULL;
      CREATE INDEX host_interval_value ON mitigation.host_interval (kind, value, held_from);
      CREATE INDEX host_interval_ended ON mitigation.host_interval (held_to) WHERE held_to IS NOT NULL;

      CREATE TABLE mitigation.endpoint_change (
        change_id uuid PRIMARY KEY,
        endpoint_id uuid NOT NULL,
        reason text NOT NULL CHECK (reason IN ('enrolled', 'replaced', 'host-changed', 'device-appeared')),
        agent_id text,
        replaced_agent_id text,
        changed_at timestamptz NOT NULL,
        attempts int NOT NULL DEFAULT 0,
        due_at timestamptz NOT NULL
      );
      CREATE INDEX endpoint_change_due ON mitigation.endpoint_change (due_at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE mitigation.endpoint_change, mitigation.host_interval, mitigation.agent_nonce_epoch, mitigation.agent_nonce,
        mitigation.agent_last_seen, mitigation.enrolment_token, mitigation.agent, mitigation.endpoint
    `);
  }
}
