import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { provisioningSql, roles } from './provisioning-sql.ts';
import { StartError } from './start-error.ts';

/** The passwords of the roles, kept in the data directory. */
export type RolePasswords = Readonly<Record<(typeof roles)[number], string>>;

/** Where the services find their database. */
export interface ProvisionedDatabase {
  /** The URL for one of the roles. */
  urlFor(role: (typeof roles)[number]): string;
}

const oldestVersion = 17;

/**
 * Brings a Postgres server to what the services need: the database, its schemas, and one role a service. Safe to run at every
 * start. A URL of the database `postgres` means "make `quell`"; any other database is used as it is.
 *
 * @param serverUrl of a superuser, or of a role with CREATEROLE that may create databases or owns that database.
 * @throws StartError when Postgres is older than 17 or the role may not do this, with the cure.
 */
export async function provision(serverUrl: string, passwords: RolePasswords): Promise<ProvisionedDatabase> {
  const given = new URL(serverUrl);
  const named = decodeURIComponent(given.pathname.slice(1));
  const database = named === '' || named === 'postgres' ? 'quell' : named;

  await connected(serverUrl, async (client) => {
    await requireVersion(client);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
  });
  const statements = provisioningSql(database, passwords);
  await connected(urlOf(given, database).href, (client) => unhindered(client, statements));
  return {
    urlFor(role) {
      const url = urlOf(given, database);
      url.username = role;
      url.password = passwords[role];
      return url.href;
    },
  };
}

/** Runs the statements in one transaction, again when another launcher on the same server changed the same roles meanwhile. */
async function unhindered(client: pg.Client, statements: readonly string[]): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await client.query('BEGIN');
      for (const statement of statements) await client.query(statement);
      await client.query('COMMIT');
      return;
    } catch (error) {
      await client.query('ROLLBACK');
      const hindered = /tuple concurrently (updated|deleted)|duplicate key/.test((error as Error).message);
      if (!hindered || tries === 20) throw error;
      await delay(20 * tries);
    }
  }
}

/** Why a Postgres of this `server_version_num` cannot be used, with the cure; `undefined` when it can. */
export function versionRefusal(version: number): string | undefined {
  if (version >= oldestVersion * 10_000) return undefined;
  return (
    `Postgres is version ${Math.floor(version / 10_000)}, and Quell needs ${oldestVersion} or newer ` +
    '(transaction_timeout keeps the event feed moving). Set DATABASE_URL to a newer server, or unset it to use an embedded one.'
  );
}

async function requireVersion(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: number }>(
    "SELECT current_setting('server_version_num')::int AS version",
  );
  const refusal = versionRefusal(rows[0]?.version ?? 0);
  if (refusal) throw new StartError(refusal);
}

async function connected(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'quell launcher' });
  client.on('error', () => {});
  try {
    await client.connect();
    await work(client);
  } catch (error) {
    if (error instanceof pg.DatabaseError) {
      const who = decodeURIComponent(new URL(url).username);
      throw new StartError(
        `Setting up the database failed: ${error.message}. The role "${who}" of DATABASE_URL needs CREATEROLE, and CREATEDB or its own database.`,
      );
    }
    throw error;
  } finally {
    await client.end().catch(() => {});
  }
}

function urlOf(given: URL, database: string): URL {
  const url = new URL(given);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url;
}
