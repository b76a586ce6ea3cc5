import { randomUUID } from 'node:crypto';
import { newApiKey } from '@quell/service-kit/api-key';
import { type RunningService, startService } from '@quell/service-kit/start';
import { testKafka } from '@quell/testing/kafka';
import { freshDatabase } from '@quell/testing/postgres';
import pg from 'pg';
import { vpnPolicyService } from '../src/vpn-policy.service.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: an answer as it came; the tests say what they expect of it
  readonly body: any;
}

/** The service in this process, on a database of its own, without what runs beside its calls unless `consumers` is set. */
export interface RunningVpnPolicy {
  readonly service: RunningService;
  readonly key: string;
  readonly pool: pg.Pool;
  readonly databaseUrl: string;
  keyWith(scopes: readonly string[], name?: string): Promise<string>;
  call(
    method: string,
    path: string,
    body?: unknown,
    more?: { headers?: Record<string, string>; key?: string },
  ): Promise<Answer>;
  stop(): Promise<void>;
}

/** Without what runs beside its calls: a consumer would take other tests' records from the Kafka that all share. */
const callsOnly = {
  ...vpnPolicyService,
  setUp: async (context: Parameters<typeof vpnPolicyService.setUp>[0]) => {
    const { module, authenticator, routes } = await vpnPolicyService.setUp(context);
    return { module, authenticator, routes };
  },
};

export async function startVpnPolicy(environment: Record<string, string> = {}): Promise<RunningVpnPolicy> {
  const database = await freshDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 3 });
  // One that is ending may still see its database go.
  pool.on('error', () => undefined);
  // The part of ingest's schema that judging an API key needs.
  await pool.query(`CREATE SCHEMA auth; CREATE TABLE auth.api_key (id uuid, name text, hash bytea, scopes text[], expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz)`);
  const service = await startService(callsOnly, {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: testKafka().brokers.join(','),
    QUELL_LOG_LEVEL: 'silent',
    ...environment,
  });
  const keyWith: RunningVpnPolicy['keyWith'] = async (scopes, name = 'test') => {
    const { secret, hash } = newApiKey();
    await pool.query('INSERT INTO auth.api_key (id, name, hash, scopes) VALUES ($1, $2, $3, $4)', [
      randomUUID(),
      name,
      hash,
      scopes,
    ]);
    return secret;
  };
  const key = await keyWith(['admin']);
  return {
    service,
    key,
    pool,
    databaseUrl: database.url,
    keyWith,
    async call(method, path, body, more = {}) {
      const response = await fetch(`${service.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${more.key ?? key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...more.headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') === true && !more.headers?.accept;
      const isLines = response.headers.get('content-type')?.includes('ndjson') === true;
      return {
        status: response.status,
        headers: response.headers,
        body: isJson && !isLines && text !== '' ? JSON.parse(text) : text,
      };
    },
    async stop() {
      await service.stop('the test is over');
      await pool.end();
      await database.drop();
    },
  };
}
