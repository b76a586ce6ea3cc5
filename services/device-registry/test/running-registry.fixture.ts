import { randomUUID } from 'node:crypto';
import type { Scope } from '@quell/contracts/scopes';
import { newApiKey } from '@quell/service-kit/api-key';
import { type RunningService, startService } from '@quell/service-kit/start';
import { testKafka } from '@quell/testing/kafka';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import pg from 'pg';
import { deviceRegistryService } from '../src/device-registry.service.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is in the test.
  readonly body: any;
}

/** The registry in this process, on a database of its own. */
export interface RunningRegistry {
  readonly service: RunningService;
  readonly database: FreshDatabase;
  readonly db: pg.Pool;
  keyWith(scopes: readonly Scope[]): Promise<string>;
  /** With a key that may read and write devices, unless the headers have another. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  stop(): Promise<void>;
}

/** Without what runs beside its calls: a consumer would take other tests' records from the Kafka that all share. */
const callsOnly: typeof deviceRegistryService = {
  ...deviceRegistryService,
  setUp: async (context) => ({ ...(await deviceRegistryService.setUp(context)), listening: async () => {} }),
};

export async function startRegistry(environment: Record<string, string> = {}): Promise<RunningRegistry> {
  const database = await freshDatabase();
  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  db.on('error', () => {});
  // The part of ingest's schema that judging an API key needs.
  await db.query(`CREATE SCHEMA auth; CREATE TABLE auth.api_key (id uuid, name text, hash bytea, scopes text[], expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz)`);
  const keyWith = async (scopes: readonly Scope[]) => {
    const { secret, hash } = newApiKey();
    const values = [randomUUID(), 'test', hash, scopes];
    await db.query('INSERT INTO auth.api_key (id, name, hash, scopes) VALUES ($1, $2, $3, $4)', values);
    return secret;
  };
  const service = await startService(callsOnly, {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: testKafka().brokers.join(','),
    QUELL_LOG_LEVEL: 'silent',
    ...environment,
  });
  const key = await keyWith(['devices:read', 'devices:write']);
  return {
    service,
    database,
    db,
    keyWith,
    call: async (method, path, body, headers = {}) => {
      const response = await fetch(`${service.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? undefined : JSON.parse(text),
      };
    },
    stop: async () => {
      await service.stop('the test is over');
      await db.end();
      await database.drop();
    },
  };
}
