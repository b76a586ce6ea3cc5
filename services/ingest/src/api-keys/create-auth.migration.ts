import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateAuth1795442400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE auth.api_key (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        origin text NOT NULL CHECK (origin IN ('api', 'administrator')),
        prefix text NOT NULL,
        hash bytea NOT NULL CONSTRAINT api_key_hash_unique UNIQUE,
        scopes text[] NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        revoked_at timestamptz,
        last_used_at timestamptz
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE auth.api_key');
  }
}
