import pg from 'pg';
import { type Login, logins, roleName, services } from './role-names.ts';

/** Schema `auth` belongs to ingest; `reporting` holds the views that Grafana may read (design.md, Security). */
export const schemas = [...services, 'auth', 'reporting'] as const;

/**
 * The statements that make roles, schemas and grants, each idempotent: what exists is brought to what it should be.
 * Default privileges cover the tables that migrations make later. Rights of others are left as they are.
 *
 * @param comments by role: those that tell that a role is ours (`role-ownership.ts`).
 * @param existing the roles that are there; whether they are ours was decided before.
 */
export function provisioningSql(
  database: string,
  passwords: Readonly<Record<Login, string>>,
  comments: ReadonlyMap<string, string>,
  existing: ReadonlySet<string>,
): string[] {
  const name = (part: Parameters<typeof roleName>[1]) => pg.escapeIdentifier(roleName(database, part));
  const db = pg.escapeIdentifier(database);
  const migration = name('migration');
  return [
    ...[...comments].flatMap(([role, comment]) => [
      ...(existing.has(role) ? [] : [`CREATE ROLE ${pg.escapeIdentifier(role)}`]),
      `COMMENT ON ROLE ${pg.escapeIdentifier(role)} IS ${pg.escapeLiteral(comment)}`,
    ]),
    ...logins.flatMap((login) => [
      `ALTER ROLE ${name(login)} LOGIN PASSWORD ${pg.escapeLiteral(passwords[login])}`,
      `GRANT CONNECT, TEMPORARY ON DATABASE ${db} TO ${name(login)}`,
    ]),
    // Trusted extensions (pg_trgm, btree_gin) need CREATE on the database.
    `GRANT CREATE ON DATABASE ${db} TO ${migration}`,
    `GRANT ${name('auth_reader')} TO ${migration} WITH ADMIN OPTION`,
    // Who is not a superuser may give schemas and default privileges only to roles it is a member of.
    block(
      `IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       THEN GRANT ${migration} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; END IF`,
    ),
    ...schemas.map((schema) => `CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${migration}`),
    ...services.flatMap((service) => serviceRole(service, name(service), name('auth_reader'), migration)),
    ...inSchema('auth', name('ingest'), migration),
    `GRANT USAGE ON SCHEMA auth TO ${name('auth_reader')}`,
    ...grafanaRole(name('grafana'), migration),
  ];
}

function serviceRole(service: string, role: string, authReader: string, migration: string): string[] {
  return [
    ...inSchema(service, role, migration),
    `GRANT ${authReader} TO ${role}`,
    // An open transaction holds the event feed back (design.md, Event store).
    `ALTER ROLE ${role} SET transaction_timeout = '10s'`,
    `ALTER ROLE ${role} SET idle_in_transaction_session_timeout = '10s'`,
    `ALTER ROLE ${role} SET search_path = ${service}, public`,
    // To tell which transaction holds the feed back one has to see those of other roles. Not every server lets us grant it.
    block(`GRANT pg_read_all_stats TO ${role}; EXCEPTION WHEN insufficient_privilege THEN NULL`),
  ];
}

function inSchema(schema: string, role: string, migration: string): string[] {
  const made = `ALTER DEFAULT PRIVILEGES FOR ROLE ${migration} IN SCHEMA ${schema} GRANT`;
  return [
    `GRANT USAGE ON SCHEMA ${schema} TO ${role}`,
    `${made} SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO ${role}`,
    `${made} USAGE, SELECT ON SEQUENCES TO ${role}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`,
    `GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`,
  ];
}

function grafanaRole(grafana: string, migration: string): string[] {
  return [
    `GRANT USAGE ON SCHEMA reporting TO ${grafana}`,
    `GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO ${grafana}`,
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${migration} IN SCHEMA reporting GRANT SELECT ON TABLES TO ${grafana}`,
    `ALTER ROLE ${grafana} SET default_transaction_read_only = on`,
    `ALTER ROLE ${grafana} SET transaction_timeout = '60s'`,
  ];
}

/** A literal, since a name may hold the dollars that quote blocks elsewhere. */
function block(statements: string): string {
  return `DO ${pg.escapeLiteral(`BEGIN ${statements}; END`)}`;
}
