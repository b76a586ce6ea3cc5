import { isTransient } from '@quell/event-store/transient';
import pg from 'pg';
import { DataSource, type DataSourceOptions, type MigrationInterface } from 'typeorm';
import type { Log } from './log.ts';
import { migrate } from './migrations.ts';
import type { ReportingViews } from './reporting-views.ts';

export interface DatabaseOptions {
  /** Shows in `pg_stat_activity`. */
  readonly service: string;
  /** The service's own role. */
  readonly url: string;
  /** The role that owns the schemas; absent: `url`. */
  readonly migrationUrl?: string | undefined;
  /** Schemas the migrations create; the first also holds the table of migrations that ran. */
  readonly schemas: readonly [string, ...string[]];
  readonly migrations: readonly (new () => MigrationInterface)[];
  /** What dashboards may read; missing ones are made after the migrations, where the role may. */
  readonly reportingViews?: ReportingViews;
  /** TypeORM entities of the read models. */
  readonly entities?: NonNullable<DataSourceOptions['entities']>;
  /** Most connections of the pool and, apart from it, of the DataSource. Default 10. */
  readonly poolSize?: number;
  /** Ends a transaction that runs longer, since an open one holds the event feed back. Default 10. */
  readonly transactionTimeoutSeconds?: number;
  readonly log: Log;
}

/** One database under two clients: `pool` for plain SQL, `dataSource` for TypeORM's read models. */
export interface Database {
  readonly pool: pg.Pool;
  readonly dataSource: DataSource;
  /** Another pool like `pool`, so that what uses it cannot take the connections of others; closed together with them. */
  openPool(size: number): pg.Pool;
  /** A readiness check: rejects when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Waits up to 15 s for Postgres, runs the migrations, opens both clients. Rejects when that fails. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  await untilReachable(options.migrationUrl ?? options.url, options.log);
  await migrate(options);
  const timeoutMs = (options.transactionTimeoutSeconds ?? 10) * 1000;
  const session = {
    application_name: options.service,
    options: `-c transaction_timeout=${timeoutMs} -c idle_in_transaction_session_timeout=${timeoutMs} -c timezone=UTC`,
    connectionTimeoutMillis: 5_000,
  };
  const openPool = (max: number) => createPool({ ...session, connectionString: options.url, max }, options.log);
  const pools = [openPool(options.poolSize ?? 10)];
  const pool = pools[0]!;
  const dataSource = new DataSource({
    type: 'postgres',
    url: options.url,
    schema: options.schemas[0],
    entities: options.entities ?? [],
    poolSize: options.poolSize ?? 10,
    extra: session,
    poolErrorHandler: (err: unknown) => options.log.warn({ err }, 'a database connection ended'),
  });
  await dataSource.initialize();
  return {
    pool,
    dataSource,
    openPool(size) {
      const another = openPool(size);
      pools.push(another);
      return another;
    },
    async ping() {
      await pool.query('SELECT 1');
    },
    async close() {
      await dataSource.destroy();
      await Promise.all(pools.map((one) => one.end()));
    },
  };
}

/** A pool whose connections may end at any time (a timeout, a restart of Postgres) without ending the process. */
export function createPool(config: pg.PoolConfig, log: Log): pg.Pool {
  const pool = new pg.Pool(config);
  pool.on('error', (err) => log.warn({ err }, 'an idle database connection ended'));
  // A client that is checked out emits its own 'error' event; without a listener that would be an uncaught exception.
  pool.on('connect', (client) => client.on('error', (err) => log.warn({ err }, 'a database connection ended')));
  return pool;
}

async function untilReachable(url: string, log: Log): Promise<void> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return;
    } catch (err) {
      if (!isTransient(err) || Date.now() > deadline) throw err;
      log.info({ reason: (err as Error).message }, 'waiting for Postgres');
      await new Promise((resolve) => setTimeout(resolve, 250));
    } finally {
      await client.end().catch(() => {});
    }
  }
}
