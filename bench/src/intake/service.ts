import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quell } from '@quell/local/catalogue';
import { startService } from '@quell/local/service-process';
import type { Servers } from '../servers.ts';

/** The key that the services accept. */
export const adminKey = 'bench-administrator-key';

/** A server of its own process. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** One of Quell's services as the launcher runs it, on these servers. */
export async function startQuell(
  name: 'ingest' | 'mitigation' | 'device-registry' | 'vpn-policy',
  servers: Servers,
  databaseUrl: string,
): Promise<ServerProcess> {
  const program = quell.backends.find((backend) => backend.name === name)!;
  return startProgram({ name, main: program.main, decorators: program.decorators }, servers, databaseUrl);
}

/** A server of this directory. */
export async function startOwn(
  file: 'bare-server' | 'intake-without-kafka',
  servers: Servers,
  databaseUrl: string,
): Promise<ServerProcess> {
  const main = fileURLToPath(new URL(`${file}.ts`, import.meta.url));
  return startProgram({ name: file, main, decorators: file !== 'bare-server' }, servers, databaseUrl);
}

async function startProgram(
  program: { name: string; main: string; decorators: boolean },
  servers: Servers,
  databaseUrl: string,
): Promise<ServerProcess> {
  const env = {
    PATH: process.env.PATH ?? '',
    PORT: '0',
    DATABASE_URL: databaseUrl,
    KAFKA_BROKERS: (await servers.kafka()).join(','),
    QUELL_ADMIN_KEY: adminKey,
    QUELL_LOG_LEVEL: 'warn',
  };
  return startService({ ...program, env }, join(servers.dir), new AbortController().signal);
}
