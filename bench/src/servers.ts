import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { startKafka } from '@quell/local/kafka';
import { startPostgres } from '@quell/local/postgres';
import pg from 'pg';
import { postmasterOf } from './cpu.ts';

/** The servers of one run: its own in a temporary directory, or those that the environment names. */
export interface Servers {
  /** Where services may put their logs. */
  readonly dir: string;
  /** `host:port`, started by the first call. */
  kafka(): Promise<readonly string[]>;
  /** The postmaster, for its CPU; undefined when it is not a process of this machine. */
  readonly postgresPid: number | undefined;
  /** Whether Kafka is one that others may use. */
  readonly outsideKafka: boolean;
  /** An empty database of its own. */
  createDatabase(): Promise<{ readonly url: string; drop(): Promise<void> }>;
  stop(): Promise<void>;
}

// Vacuum and checkpoints of one contender's rows would otherwise fall into the time of another. Commits are flushed as in production.
const postgresSettings = { autovacuum: 'off', max_wal_size: '4GB', checkpoint_timeout: '1h', shared_buffers: '512MB' };

export async function startServers(
  env: Readonly<Record<string, string | undefined>>,
  dir: string,
  progress: (text: string) => void,
): Promise<Servers> {
  const stops: (() => Promise<void>)[] = [];
  let url = env.DATABASE_URL;
  if (!url) {
    progress('starting Postgres');
    const own = await startPostgres({ dataDir: join(dir, 'postgres'), settings: postgresSettings });
    stops.push(own.stop);
    url = own.url;
  }
  const server = url;
  let kafka: Promise<readonly string[]> | undefined;

  async function startOwnKafka(): Promise<readonly string[]> {
    progress('starting Kafka');
    const own = await startKafka({
      dataDir: join(dir, 'kafka'),
      onDownload: (files) => progress(`fetching Kafka: ${files} files so far`),
    });
    stops.push(own.stop);
    return [own.brokers];
  }

  return {
    dir,
    outsideKafka: Boolean(env.KAFKA_BROKERS),
    postgresPid: await withClient(server, async (client) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      return postmasterOf(rows[0]?.pid ?? 0);
    }),
    kafka() {
      kafka ??= env.KAFKA_BROKERS ? Promise.resolve(env.KAFKA_BROKERS.split(',')) : startOwnKafka();
      return kafka;
    },
    async createDatabase() {
      const name = `bench_${randomBytes(6).toString('hex')}`;
      await withClient(server, (client) => client.query(`CREATE DATABASE ${name}`));
      const own = new URL(server);
      own.pathname = `/${name}`;
      return {
        url: own.href,
        drop: () =>
          withClient(
            server,
            async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
          ),
      };
    },
    async stop() {
      await kafka?.catch(() => undefined);
      await Promise.allSettled(stops.map((stop) => stop()));
    },
  };
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
