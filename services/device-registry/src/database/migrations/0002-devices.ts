import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The rows beside the device streams, and when each device was seen. */
export class Devices0000000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Every device, retired ones too, as its stream folds; written in the transaction of the append.
      CREATE TABLE device_registry.device (
        id text COLLATE "C" PRIMARY KEY,
        stream_id uuid NOT NULL UNIQUE,
        version int NOT NULL,
        model text NOT NULL,
        label text NOT NULL,
        capabilities text[] NOT NULL,
        hostnames text[] NOT NULL,
        ips text[] NOT NULL,
        macs text[] NOT NULL,
        platform text,
        group_name text,
        tags text[] NOT NULL,
        agent_id text,
        -- Who told which host names, addresses and platform, once an agent has: until then all is given.
        told jsonb,
        registered_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        retired_at timestamptz
      );

      -- What tells devices apart, of those that are not retired, in the form in which it is compared.
      CREATE TABLE device_registry.device_identifier (
        kind text NOT NULL CHECK (kind IN ('mac', 'hostname')),
        value text COLLATE "C" NOT NULL,
        device_id text COLLATE "C" NOT NULL,
        PRIMARY KEY (kind, value, device_id)
      );

      -- No event: it changes all the time. Rewritten in place: room on each page keeps the updates off the primary key.
      CREATE TABLE device_registry.device_seen (
        device_id text COLLATE "C" PRIMARY KEY,
        last_seen_at timestamptz NOT NULL,
        noted_at timestamptz NOT NULL DEFAULT clock_timestamp()
      ) WITH (fillfactor = 70);
      CREATE INDEX device_seen_noted ON device_registry.device_seen (noted_at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP TABLE device_registry.device_seen, device_registry.device_identifier, device_registry.device',
    );
  }
}
