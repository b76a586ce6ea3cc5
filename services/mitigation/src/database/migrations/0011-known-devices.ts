import type { MigrationInterface, QueryRunner } from 'typeorm';
import { hintKeysOf } from '../../endpoints/identifiers.ts';

/** What the registry knows of devices, and which unresolved detections a change of an endpoint or a device is about. */
export class KnownDevices0000000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- As the greatest version of devices.v1 has it. A retired device keeps its version, so that no older record brings it back.
      CREATE TABLE mitigation.known_device (
        device_id text PRIMARY KEY,
        version int NOT NULL,
        retired boolean NOT NULL DEFAULT false,
        model text NOT NULL DEFAULT '',
        label text NOT NULL DEFAULT '',
        capabilities text[] NOT NULL DEFAULT '{}',
        hostnames text[] NOT NULL DEFAULT '{}',
        ips text[] NOT NULL DEFAULT '{}',
        macs text[] NOT NULL DEFAULT '{}',
        platform text,
        group_name text,
        tags text[] NOT NULL DEFAULT '{}',
        agent_id text
      );
      -- In the form that identifiers are compared in.
      CREATE TABLE mitigation.known_device_identifier (
        kind text NOT NULL CHECK (kind IN ('mac', 'hostname')),
        value text NOT NULL,
        device_id text NOT NULL REFERENCES mitigation.known_device (device_id),
        PRIMARY KEY (kind, value, device_id)
      );
      CREATE INDEX known_device_identifier_device ON mitigation.known_device_identifier (device_id);

      -- A change is of one endpoint, or of devices: then it says which identifiers it is about.
      ALTER TABLE mitigation.endpoint_change ALTER COLUMN endpoint_id DROP NOT NULL;
      ALTER TABLE mitigation.endpoint_change ADD COLUMN identifiers text[];
      ALTER TABLE mitigation.endpoint_change ADD CONSTRAINT endpoint_change_about
        CHECK ((endpoint_id IS NULL) <> (identifiers IS NULL));

      -- What an unresolved detection may be found by; null for others.
      ALTER TABLE mitigation.detection ADD COLUMN hints text[];
      CREATE INDEX detection_unresolved_hints ON mitigation.detection USING gin (hints) WHERE disposition = 'unresolved';
      DROP INDEX mitigation.detection_unresolved;
    `);
    await noteHints(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX detection_unresolved ON mitigation.detection (detection_id) WHERE disposition = 'unresolved';
      ALTER TABLE mitigation.detection DROP COLUMN hints;
      DELETE FROM mitigation.endpoint_change WHERE endpoint_id IS NULL;
      ALTER TABLE mitigation.endpoint_change DROP COLUMN identifiers;
      ALTER TABLE mitigation.endpoint_change ALTER COLUMN endpoint_id SET NOT NULL;
      DROP TABLE mitigation.known_device_identifier, mitigation.known_device;
    `);
  }
}

const CHUNK = 1000;

/** Those that wait already. One whose content cannot be read stays unresolved, as it would without this. */
async function noteHints(runner: QueryRunner): Promise<void> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows: { detection_id: string; content: string }[] = await runner.query(
      `SELECT detection_id, content FROM mitigation.detection
       WHERE disposition = 'unresolved' AND detection_id > $1 ORDER BY detection_id LIMIT ${CHUNK}`,
      [after],
    );
    for (const { detection_id: id, content } of rows) {
      await runner.query('UPDATE mitigation.detection SET hints = $2 WHERE detection_id = $1', [id, hintsIn(content)]);
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.detection_id;
  }
}

function hintsIn(content: string): string[] {
  try {
    return hintKeysOf(JSON.parse(content).endpoint ?? {});
  } catch {
    return [];
  }
}
