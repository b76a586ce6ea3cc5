import type { Queryable } from './load.ts';
import { quoted } from './schema.ts';

/** The store must not be used as it is; the message says what to do. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused';
}

/**
 * Called before a service reads or writes its store.
 *
 * @throws StoreRefused when Postgres is older than 17 (`transaction_timeout` came with it, and without it one forgotten transaction
 * stops every feed), or when the log was restored from a cluster whose transaction ids are ahead of this one's: the gate would hide those events.
 */
export async function checkStore(client: Queryable, schema: string): Promise<void> {
  const { rows } = await client.query<{ number: number; version: string }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version`,
  );
  const server = rows[0];
  if (!server || server.number < 170_000) {
    throw new StoreRefused(
      `Postgres ${server?.version} is too old: the event store needs Postgres 17 or newer. Upgrade the server.`,
    );
  }
  const ahead = await client.query<{ newest: string; next: string }>(
    `SELECT e.txid::text AS newest, pg_snapshot_xmax(pg_current_snapshot())::text AS next
     FROM (SELECT txid FROM ${quoted(schema)}.event ORDER BY txid DESC, position DESC LIMIT 1) AS e
     WHERE e.txid >= pg_snapshot_xmax(pg_current_snapshot())`,
  );
  const row = ahead.rows[0];
  if (row) {
    throw new StoreRefused(
      `The events in schema ${schema} carry transaction ids up to ${row.newest}, but this Postgres cluster is only at ${row.next}: ` +
        'they were restored from another cluster, and readers would not see them. Keep the services stopped and run ' +
        `"DATABASE_URL=… node libs/event-store/src/adopt-restored.ts ${schema}", which numbers the history anew in its order.`,
    );
  }
}

/** The transaction that has held the gate of every feed in the cluster for longest. */
export interface OldestWriter {
  /** 0 when nobody is writing. */
  readonly seconds: number;
  readonly database?: string;
  readonly user?: string;
  /** Absent for a prepared transaction (two-phase commit), which no time limit ends: `ROLLBACK PREPARED` does. */
  readonly pid?: number;
}

/**
 * The oldest open write transaction of the cluster, for a gauge and an alert. Other roles' transactions are seen only with the rights
 * of `pg_read_all_stats`; without them it tells of this role's own and of prepared ones.
 */
export async function oldestWriter(client: Queryable): Promise<OldestWriter> {
  const { rows } = await client.query<{ seconds: number; pid: number | null; database: string; user: string }>(
    `SELECT extract(epoch FROM clock_timestamp() - began)::float8 AS seconds, pid, database, "user" FROM (
       SELECT xact_start AS began, pid, datname AS database, usename AS "user" FROM pg_stat_activity WHERE backend_xid IS NOT NULL
       UNION ALL SELECT prepared, NULL, database, owner FROM pg_prepared_xacts) AS writer
     WHERE began IS NOT NULL ORDER BY began LIMIT 1`,
  );
  const [row] = rows;
  if (!row) return { seconds: 0 };
  const { pid, ...writer } = row;
  return pid === null ? writer : { ...writer, pid };
}
