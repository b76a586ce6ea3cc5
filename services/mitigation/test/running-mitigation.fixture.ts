import { randomUUID } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { newApiKey } from '@quell/service-kit/api-key';
import { type RunningService, startService } from '@quell/service-kit/start';
import { testKafka } from '@quell/testing/kafka';
import type { RouteOptions } from 'fastify';
import { type Signing, signedHeaders, type TestAgent, testAgent } from '../src/agents/signature/signing.fixture.ts';
import { mitigationService } from '../src/mitigation.service.ts';
import { openScene, type Scene, type TestEndpoint } from '../src/task-store/scene.fixture.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: an answer as it came; the tests say what they expect of it
  readonly body: any;
}

/** An agent that enrolled over HTTP, with the endpoint it got. */
export type EnrolledAgent = TestAgent & TestEndpoint & { readonly enrolment: Answer };

/** The whole service in this process, on the database of a scene and the Kafka of the run. */
export interface RunningMitigation {
  readonly scene: Scene;
  readonly service: RunningService;
  /** The routes that its modules registered, as `METHOD /path/:parameter`. */
  readonly routes: readonly string[];
  readonly keys: { readonly admin: string; readonly powerless: string };
  call(method: string, path: string, more?: CallOptions): Promise<Answer>;
  signed(agent: TestAgent, method: string, path: string, body?: object, more?: CallOptions & Signing): Promise<Answer>;
  enrol(more?: object): Promise<EnrolledAgent>;
  stop(): Promise<void>;
}

export interface CallOptions {
  readonly key?: string;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly agent?: Agent;
}

export async function startMitigation(environment: Record<string, string> = {}): Promise<RunningMitigation> {
  const scene = await openScene();
  const keys = { admin: newApiKey(), powerless: newApiKey() };
  // The part of ingest's schema that judging an API key needs.
  await scene.rows(
    `CREATE SCHEMA auth; CREATE TABLE auth.api_key (id uuid, name text, hash bytea, scopes text[], expires_at timestamptz,
      revoked_at timestamptz, last_used_at timestamptz)`,
  );
  for (const [{ hash }, scopes] of [
    [keys.admin, ['admin']],
    [keys.powerless, []],
  ] as const) {
    await scene.rows('INSERT INTO auth.api_key VALUES ($1, $2, $3, $4)', randomUUID(), 'test', hash, scopes);
  }
  const routes: string[] = [];
  const record = ({ method, url }: RouteOptions) => {
    for (const name of [method].flat()) if (name !== 'HEAD') routes.push(`${name} ${url}`);
  };
  const observed: typeof mitigationService = {
    ...mitigationService,
    setUp: async (context) => {
      const parts = await mitigationService.setUp(context);
      return {
        ...parts,
        routes: (http) => {
          http.addHook('onRoute', record);
          parts.routes(http);
        },
      };
    },
  };
  const service = await startService(observed, {
    DATABASE_URL: scene.database.fresh.url,
    KAFKA_BROKERS: testKafka().brokers.join(','),
    QUELL_LOG_LEVEL: 'silent',
    QUELL_POLL_PAUSE_SECONDS: '0',
    ...environment,
  });
  // Signatures of this second: the ledger of nonces began in it.
  await scene.rows(`UPDATE mitigation.agent_nonce_epoch SET since = 'epoch'`);
  const own = new Agent({ keepAlive: true });

  const call: RunningMitigation['call'] = (method, path, { key, body, headers = {}, signal, agent = own } = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(`${service.url}${path}`, {
        method,
        agent,
        ...(signal === undefined ? {} : { signal }),
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...headers,
        },
      });
      sent.on('error', reject);
      sent.on('response', async (response) => {
        const text = (await response.toArray().catch(() => [])).join('');
        const { statusCode: status = 0, headers: answered } = response;
        resolve({ status, headers: answered, body: text === '' ? undefined : JSON.parse(text) });
      });
      sent.end(body);
    });

  const signed: RunningMitigation['signed'] = (agent, method, path, body, more = {}) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { ...signedHeaders(agent, method, path, text, more), ...more.headers };
    return call(method, path, { ...more, body: text, headers });
  };

  let agents = 0;
  const enrol: RunningMitigation['enrol'] = async (more = {}) => {
    const agent = await testAgent();
    const made = await call('POST', '/v1/enrolment-tokens', { key: keys.admin.secret, body: '{}' });
    const named = { hostname: `desk-${++agents}`, deviceId: `D-${agents}` };
    const host = { ips: [], macs: [], platform: 'linux', osVersion: '6.1', ...named, ...more };
    const { enrolmentToken } = made.body;
    const body = { enrolmentToken, enrolmentId: randomUUID(), publicKey: agent.publicKey, host };
    const answer = await signed(agent, 'POST', '/v1/agents/enrol', body);
    if (answer.status !== 200) throw new Error(`enrolment: ${answer.status}`);
    return { ...agent, ...named, ...more, endpointId: answer.body.endpointId, enrolment: answer };
  };

  return {
    scene,
    service,
    routes,
    keys: { admin: keys.admin.secret, powerless: keys.powerless.secret },
    call,
    signed,
    enrol,
    stop: async () => {
      await service.stop('the test is over');
      own.destroy();
      await scene.close();
    },
  };
}
