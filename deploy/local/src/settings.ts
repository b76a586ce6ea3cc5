import { resolve } from 'node:path';
import { StartError } from './start-error.ts';

/** What the launcher reads from its environment (design.md, Running it). */
export interface Settings {
  /** The one base URL's port; 0 takes a free one. */
  readonly port: number;
  readonly host: string;
  /** Absolute. */
  readonly dataDir: string;
  readonly adminKey?: string;
  readonly databaseUrl?: string;
  readonly kafkaBrokers?: string;
}

/**
 * Reads the launcher's settings; an empty variable counts as unset.
 *
 * @throws StartError naming the variable that cannot be used.
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const port = env.QUELL_PORT || '8080';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new StartError(`QUELL_PORT is "${port}". Set it to a port number from 0 to 65535.`);
  }
  return {
    port: Number(port),
    host: env.QUELL_HOST || '127.0.0.1',
    dataDir: resolve(env.QUELL_DATA_DIR || '.quell'),
    ...(env.QUELL_ADMIN_KEY ? { adminKey: adminKey(env.QUELL_ADMIN_KEY) } : {}),
    ...(env.DATABASE_URL ? { databaseUrl: databaseUrl(env.DATABASE_URL) } : {}),
    ...(env.KAFKA_BROKERS ? { kafkaBrokers: kafkaBrokers(env.KAFKA_BROKERS) } : {}),
  };
}

function adminKey(text: string): string {
  if (!/^[\x21-\x7e]{16,512}$/.test(text)) {
    throw new StartError(
      'QUELL_ADMIN_KEY cannot be used: set 16 to 512 printable characters without spaces, or unset it.',
    );
  }
  return text;
}

function databaseUrl(text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : '';
  if (!/^postgres(ql)?:$/.test(protocol)) {
    throw new StartError('DATABASE_URL is not a Postgres URL. Set it to postgres://user:password@host:port/database.');
  }
  return text;
}

function kafkaBrokers(text: string): string {
  const brokers = text.split(',').map((broker) => broker.trim());
  if (!brokers.every((broker) => /^[^\s:]+:\d+$/.test(broker))) {
    throw new StartError(`KAFKA_BROKERS is "${text}". Set it to host:port, or several separated by commas.`);
  }
  return brokers.join(',');
}
