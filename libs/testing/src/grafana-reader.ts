import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** A role with the rights that the launcher gives Grafana: it reads the views of schema `reporting` and nothing else. */
export interface GrafanaReader {
  /** @throws the error of Postgres, also when the role may not read what is asked for */
  query(sql: string): Promise<Record<string, unknown>[]>;
  drop(): Promise<void>;
}

/** @param url superuser URL of a database whose migrations have run */
export async function grafanaReader(url: string): Promise<GrafanaReader> {
  // Roles belong to the whole server, which other tests use too.
  const role = `grafana_${randomBytes(6).toString('hex')}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE ROLE ${role}; GRANT USAGE ON SCHEMA reporting TO ${role};
    GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO ${role}; SET ROLE ${role}`);
  return {
    query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    drop: async () => {
      await client.query(`RESET ROLE; DROP OWNED BY ${role}; DROP ROLE ${role}`);
      await client.end();
    },
  };
}
