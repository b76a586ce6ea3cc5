import pg from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import type { Log } from './log.ts';
import { makeReportingViews, type ReportingViews } from './reporting-views.ts';

export interface MigrationOptions {
  readonly service: string;
  readonly url: string;
  readonly migrationUrl?: string | undefined;
  readonly schemas: readonly [string, ...string[]];
  readonly migrations: readonly (new () => MigrationInterface)[];
  readonly reportingViews?: ReportingViews;
  readonly log: Log;
}

/**
 * The role without login that may read `auth.api_key` and update its `last_used_at`; every service role is a member. Roles belong
 * to the whole server, so one that migrates a single database (`<name>_migration`) has the reader of that database beside it.
 */
function authReaderRole(migrationRole: string): string {
  const name = /^(.+)_migration$/.exec(migrationRole)?.[1] ?? 'quell';
  return `${name}_auth_reader`;
}

// Any constant will do, as long as no other program locks it: replicas that start together migrate one after the other.
const LOCK = [0x9e11, 1] as const;

/**
 * Creates the schemas, runs the TypeORM migrations that have not run, each in a transaction of its own, and grants
 * the service role what they made. The session lock holds no transaction open, so it does not hold the event feed.
 */
export async function migrate(options: MigrationOptions): Promise<void> {
  const migrationUrl = options.migrationUrl ?? options.url;
  const lock = new pg.Client({ connectionString: migrationUrl, application_name: `${options.service} migrations` });
  lock.on('error', (err) => options.log.warn({ err }, 'the migration connection ended'));
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1, $2)', [...LOCK]);
    for (const schema of options.schemas)
      await lock.query(`CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(schema)}`);
    await run(options, migrationUrl);
    await makeReportingViews(lock, options.reportingViews ?? {}, options.log);
    await grant(lock, options, decodeURIComponent(new URL(options.url).username));
  } finally {
    await lock.end();
  }
}

async function run(options: MigrationOptions, url: string): Promise<void> {
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    schema: options.schemas[0],
    migrations: [...options.migrations],
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    poolSize: 1,
    applicationName: `${options.service} migrations`,
  });
  await dataSource.initialize();
  try {
    const done = await dataSource.runMigrations();
    for (const migration of done) options.log.info({ migration: migration.name }, 'migrated');
  } finally {
    await dataSource.destroy();
  }
}

async function grant(client: pg.Client, options: MigrationOptions, serviceRole: string): Promise<void> {
  const { rows } = await client.query<{ role: string }>('SELECT current_user AS role');
  const migrationRole = rows[0]?.role ?? '';
  if (serviceRole === '' || migrationRole === serviceRole) return;
  const role = pg.escapeIdentifier(serviceRole);
  for (const name of options.schemas) {
    const schema = pg.escapeIdentifier(name);
    await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    await client.query(`GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`);
    await client.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} TO ${role}`);
  }
  await grantAuthReader(client, authReaderRole(migrationRole), role);
}

/** Whoever starts first makes the role; ingest, which owns the table, gives it its rights, so that services start in any order. */
async function grantAuthReader(client: pg.Client, name: string, serviceRole: string): Promise<void> {
  const reader = pg.escapeIdentifier(name);
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
  if (rowCount === 0) {
    await client.query(`CREATE ROLE ${reader} NOLOGIN`).catch((error: pg.DatabaseError) => {
      // Another database of the server was quicker: duplicate_object, unique_violation.
      if (error.code !== '42710' && error.code !== '23505') throw error;
    });
  }
  const { rows } = await client.query<{ there: boolean }>("SELECT to_regclass('auth.api_key') IS NOT NULL AS there");
  if (rows[0]?.there) {
    await client.query(`GRANT USAGE ON SCHEMA auth TO ${reader}`);
    await client.query(`GRANT SELECT, UPDATE (last_used_at) ON auth.api_key TO ${reader}`);
  }
  await client.query(`GRANT ${reader} TO ${serviceRole}`);
}
