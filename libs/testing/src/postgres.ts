import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { serverAddress } from './servers.ts';

/** An empty database of its own on the run's Postgres. */
export interface FreshDatabase {
  /** Superuser URL. */
  readonly url: string;
  /** Drops it, ending the connections that are still open. */
  drop(): Promise<void>;
}

/**
 * Creates an empty database on the Postgres of this jest run, which starts with the first call.
 *
 * @throws Error when Postgres cannot start, with the reason.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = new URL(serverAddress('postgres'));
  const name = `test_${randomBytes(6).toString('hex')}`;
  await execute(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function execute(server: URL, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
