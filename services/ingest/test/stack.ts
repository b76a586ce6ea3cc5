import { type RunningService, startService } from '@quell/service-kit/start';
import { testKafka } from '@quell/testing/kafka';
import { freshDatabase } from '@quell/testing/postgres';
import { ingestService } from '../src/ingest.service.ts';

export const adminKey = 'an-administrators-key-of-the-tests';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: an answer as it came; the tests say what they expect of it
  readonly json: any;
}

/** Ingest in this process, on a database of its own and the Kafka of the run. */
export interface TestIngest {
  readonly service: RunningService;
  readonly databaseUrl: string;
  call(path: string, init?: RequestInit & { key?: string; duplex?: 'half' }): Promise<Answer>;
  /** Posts detections with the administrator's key. */
  post(body: unknown, type?: string): Promise<Answer>;
  stop(): Promise<void>;
}

export async function startIngest(): Promise<TestIngest> {
  const database = await freshDatabase();
  const service = await startService(ingestService, {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: testKafka().brokers.join(','),
    QUELL_ADMIN_KEY: adminKey,
    QUELL_LOG_LEVEL: 'silent',
  });
  const call: TestIngest['call'] = async (path, { key = adminKey, ...init } = {}) => {
    const headers = new Headers(init.headers);
    if (key !== '') headers.set('authorization', `Bearer ${key}`);
    const response = await fetch(`${service.url}${path}`, { ...init, headers });
    const text = await response.text();
    const isJson = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  };
  return {
    service,
    databaseUrl: database.url,
    call,
    post: (body, type = 'application/json') =>
      call('/v1/detections', {
        method: 'POST',
        headers: { 'content-type': type },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    async stop() {
      await service.stop('the test is over');
      await database.drop();
    },
  };
}
