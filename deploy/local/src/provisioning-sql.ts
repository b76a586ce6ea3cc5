import pg from 'pg';

/** The services that own a schema of their own name. */
const services = ['ingest', 'mitigation'] as const;

/** The roles that log in: one a service, the one that owns the schemas and migrates them, and Grafana's. */
export const roles = [...services, 'migration', 'grafana'] as const;

/** Schema `auth` belongs to ingest; `reporting` holds the views that Grafana may read (design.md, Security). */
const schemas = [...services, 'auth', 'reporting'] as const;

// Members read the API keys; ingest's migrations say which columns (the name is shared with libs/service-kit).
const authReader = 'quell_auth_reader';

/**
 * The statements that make roles, schemas and grants, each idempotent: what exists is brought to what it should be.
 * Default privileges cover the tables that migrations make later.
 */
export function provisioningSql(
  database: string,
  passwords: Readonly<Record<(typeof roles)[number], string>>,
): string[] {
  const db = pg.escapeIdentifier(database);
  return [
    ...roles.flatMap((role) => [
      createRole(role),
      `ALTER ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(passwords[role])}`,
      `GRANT CONNECT, TEMPORARY ON DATABASE ${db} TO ${role}`,
    ]),
    createRole(authReader),
    `REVOKE ALL ON DATABASE ${db} FROM PUBLIC`,
    ...migrationRole(db),
    ...schemas.map((schema) => `CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION migration`),
    ...services.flatMap(serviceRole),
    ...inSchema('auth', 'ingest'),
    `GRANT USAGE ON SCHEMA auth TO ${authReader}`,
    ...grafanaRole(),
  ];
}

function createRole(role: string): string {
  return `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`;
}

function migrationRole(db: string): string[] {
  return [
    // Trusted extensions (pg_trgm, btree_gin) need CREATE on the database.
    `GRANT CREATE ON DATABASE ${db} TO migration`,
    `GRANT ${authReader} TO migration WITH ADMIN OPTION`,
    // Who is not a superuser may give schemas and default privileges only to roles it is a member of.
    `DO $$ BEGIN IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       THEN EXECUTE format('GRANT migration TO %I WITH INHERIT TRUE, SET TRUE', current_user); END IF; END $$`,
  ];
}

function serviceRole(service: (typeof services)[number]): string[] {
  return [
    ...inSchema(service, service),
    `GRANT ${authReader} TO ${service}`,
    // An open transaction holds the event feed back (design.md, Event store).
    `ALTER ROLE ${service} SET transaction_timeout = '10s'`,
    `ALTER ROLE ${service} SET idle_in_transaction_session_timeout = '10s'`,
    `ALTER ROLE ${service} SET search_path = ${service}, public`,
    // To tell which transaction holds the feed back one has to see those of other roles. Not every server lets us grant it.
    `DO $$ BEGIN GRANT pg_read_all_stats TO ${service}; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$`,
  ];
}

function inSchema(schema: string, role: string): string[] {
  const made = `ALTER DEFAULT PRIVILEGES FOR ROLE migration IN SCHEMA ${schema} GRANT`;
  return [
    `GRANT USAGE ON SCHEMA ${schema} TO ${role}`,
    `${made} SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO ${role}`,
    `${made} USAGE, SELECT ON SEQUENCES TO ${role}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`,
    `GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`,
  ];
}

function grafanaRole(): string[] {
  return [
    'GRANT USAGE ON SCHEMA reporting TO grafana',
    'GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO grafana',
    'ALTER DEFAULT PRIVILEGES FOR ROLE migration IN SCHEMA reporting GRANT SELECT ON TABLES TO grafana',
    'ALTER ROLE grafana SET default_transaction_read_only = on',
    "ALTER ROLE grafana SET transaction_timeout = '60s'",
  ];
}
