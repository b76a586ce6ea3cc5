import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { provisioningSql, schemas } from './provisioning-sql.ts';
import { type Login, roleName } from './role-names.ts';
import { roleComments, roleRefusal } from './role-ownership.ts';
import { StartError } from './start-error.ts';

/** The passwords of the roles, kept in the data directory. */
export type RolePasswords = Readonly<Record<Login, string>>;

/** Where the services find their database. */
export interface ProvisionedDatabase {
  /** The URL for one of the roles. */
  urlFor(login: Login): string;
}

const oldestVersion = 17;

/**
 * Brings a Postgres server to what the services need: the database, its schemas, and one role a service. Safe to run at every
 * start. A URL of the database `postgres` means "make `quell`"; any other database is used as it is: nobody loses a right there,
 * and only roles that this function made are changed.
 *
 * @param serverUrl of a superuser, or of a role with CREATEROLE that may create databases or owns that database.
 * @throws StartError when Postgres is older than 17, the role may not do this, or the database has roles or schemas of the same
 *   name that are not ours or belong to another data directory, with the cure.
 */
export async function provision(serverUrl: string, passwords: RolePasswords): Promise<ProvisionedDatabase> {
  const given = new URL(serverUrl);
  const named = decodeURI(given.pathname.slice(1));
  const database = named === '' || named === 'postgres' ? 'quell' : named;

  await connected(serverUrl, async (client) => {
    await requireVersion(client);
    await createDatabase(client, database);
  });
  await connected(urlOf(given, database).href, (client) =>
    unhindered(client, () => setUp(client, database, passwords)),
  );
  return {
    urlFor(login) {
      const url = urlOf(given, database);
      url.username = roleName(database, login);
      url.password = passwords[login];
      return url.href;
    },
  };
}

/** Only a database that we made is closed to other roles of the server. */
async function createDatabase(client: pg.Client, database: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
  if (rowCount !== 0) return;
  try {
    await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
    await client.query(`REVOKE ALL ON DATABASE ${pg.escapeIdentifier(database)} FROM PUBLIC`);
  } catch (error) {
    // Another launcher on the same server was quicker.
    if (!['42P04', '23505'].includes((error as pg.DatabaseError).code ?? '')) throw error;
  }
}

async function setUp(client: pg.Client, database: string, passwords: RolePasswords): Promise<void> {
  await client.query("SELECT pg_advisory_xact_lock(hashtext('quell provisioning'))");
  const comments = roleComments(database, passwords);
  const { rows } = await client.query<{ role: string; comment: string | null }>(
    "SELECT rolname AS role, shobj_description(oid, 'pg_authid') AS comment FROM pg_roles WHERE rolname = ANY($1)",
    [[...comments.keys()]],
  );
  const existing = new Map(rows.map(({ role, comment }) => [role, comment]));
  const refusal = roleRefusal(database, passwords, existing);
  if (refusal) throw new StartError(refusal);
  await refuseSchemasOfOthers(client, database);
  for (const statement of provisioningSql(database, passwords, comments, new Set(existing.keys()))) {
    await client.query(statement);
  }
}

async function refuseSchemasOfOthers(client: pg.Client, database: string): Promise<void> {
  const { rows } = await client.query<{ name: string; owner: string }>(
    `SELECT nspname AS name, pg_get_userbyid(nspowner) AS owner FROM pg_namespace
     WHERE nspname = ANY($1) AND pg_get_userbyid(nspowner) <> $2`,
    [schemas, roleName(database, 'migration')],
  );
  const [found] = rows;
  if (!found) return;
  throw new StartError(
    `The database ${database} has a schema ${found.name} that belongs to the role ${found.owner}, not to Quell. ` +
      'Name another database in DATABASE_URL; where it is the embedded one, set another QUELL_DATA_DIR.',
  );
}

/** Runs the work in one transaction, again when another launcher on the same server changed the same rows meanwhile. */
async function unhindered(client: pg.Client, work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await client.query('BEGIN');
      await work();
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
  // As the driver reads it.
  url.pathname = `/${encodeURI(database)}`;
  return url;
}
