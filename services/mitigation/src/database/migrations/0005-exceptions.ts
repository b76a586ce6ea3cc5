import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Exceptions get an author, versions that are published, and suspensions that last as long as a run. */
export class Exceptions0000000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE mitigation.mitigation_exception
        DROP COLUMN suspended,
        ADD COLUMN created_by text NOT NULL DEFAULT '',
        ADD COLUMN deleted_at timestamptz,
        ADD COLUMN version int NOT NULL DEFAULT 1,
        ADD COLUMN published_version int NOT NULL DEFAULT 0;
      CREATE INDEX mitigation_exception_listed ON mitigation.mitigation_exception (created_at DESC, id) WHERE deleted_at IS NULL;
      CREATE INDEX mitigation_exception_unpublished ON mitigation.mitigation_exception (id) WHERE version > published_version;

      CREATE TABLE mitigation.exception_suspension (
        exception_id uuid NOT NULL REFERENCES mitigation.mitigation_exception (id),
        task_id uuid NOT NULL,
        run int NOT NULL,
        endpoint_id uuid NOT NULL,
        until timestamptz NOT NULL,
        PRIMARY KEY (exception_id, task_id)
      );
      -- A run in progress has its row in work, written in the transaction of its events: nothing has to end a suspension.
      CREATE VIEW mitigation.suspension_in_force AS
        SELECT s.* FROM mitigation.exception_suspension s
        JOIN mitigation.work w ON w.task_id = s.task_id AND w.run = s.run
        WHERE s.until > now();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP VIEW mitigation.suspension_in_force;
      DROP TABLE mitigation.exception_suspension;
      ALTER TABLE mitigation.mitigation_exception
        DROP COLUMN created_by, DROP COLUMN deleted_at, DROP COLUMN version, DROP COLUMN published_version, ADD COLUMN suspended jsonb;
    `);
  }
}
