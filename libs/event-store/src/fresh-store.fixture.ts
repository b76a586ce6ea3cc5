import { freshDatabase } from '@quell/testing/postgres';
import pg from 'pg';
import { eventStoreSql } from './schema.ts';

/** A store of its own on the test run's Postgres. */
export interface FreshStore {
  readonly url: string;
  readonly schema: string;
  readonly pool: pg.Pool;
  /** A connection outside the pool, ended by `close`. */
  connect(): Promise<pg.Client>;
  close(): Promise<void>;
}

/** For tests: an empty database with the store's tables in schema `es`. */
export async function freshStore(): Promise<FreshStore> {
  const database = await freshDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 20 });
  pool.on('error', () => undefined);
  const schema = 'es';
  for (const statement of eventStoreSql(schema)) await pool.query(statement);
  const clients: pg.Client[] = [];
  return {
    url: database.url,
    schema,
    pool,
    async connect() {
      const client = new pg.Client({ connectionString: database.url });
      client.on('error', () => undefined);
      await client.connect();
      clients.push(client);
      return client;
    },
    async close() {
      await Promise.all(clients.map((client) => client.end()));
      await pool.end();
      await database.drop();
    },
  };
}
