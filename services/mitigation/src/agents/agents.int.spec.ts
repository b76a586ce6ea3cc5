import { randomUUID } from 'node:crypto';
import { Controller, type DynamicModule, Module, Post, UseGuards } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { newApiKey } from '@quell/service-kit/api-key';
import { Public } from '@quell/service-kit/auth';
import { createAuthenticator } from '@quell/service-kit/authenticator';
import { processEnvironment } from '@quell/service-kit/config';
import { openDatabase } from '@quell/service-kit/database';
import { type RunningService, type ServiceDefinition, startService } from '@quell/service-kit/start';
import { eventually } from '@quell/testing/eventually';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import pg from 'pg';
import { z } from 'zod';
import { entities, migrations } from '../database/data-source.ts';
import { POOL } from '../database/pool.ts';
import { SCHEMA } from '../database/schema.ts';
import { AgentsModule } from './agents.module.ts';
import { POLL_SETTINGS } from './poll-settings.ts';
import { AgentSignatureGuard, CurrentAgent, type SignedAgent } from './signature/agent-signature.guard.ts';
import { keepRawBody } from './signature/raw-body.ts';
import { type Signing, signedHeaders, type TestAgent, testAgent } from './signature/signing.fixture.ts';

/** Stands in for any route of the agents' protocol. */
@Controller('/test/agent')
@Public()
@UseGuards(AgentSignatureGuard)
class EchoController {
  @Post()
  echo(@CurrentAgent() agent: SignedAgent) {
    return { agentId: agent.agentId, endpointId: agent.endpointId };
  }
}

@Module({})
class TestModule {}

const config = processEnvironment.extend({ DATABASE_URL: z.string() });

/** The agents' part of the service alone, with its real guard, database and HTTP server. */
const agentsOnly: ServiceDefinition<typeof config> = {
  name: 'mitigation',
  version: '0.0.0',
  config,
  setUp: async ({ config: { DATABASE_URL }, log, lifecycle }) => {
    const database = await openDatabase({
      service: 'mitigation',
      url: DATABASE_URL,
      schemas: [SCHEMA],
      migrations,
      entities,
      log,
    });
    lifecycle.onStop('resources', 'postgres', () => database.close());
    const shared = [
      { provide: POOL, useValue: database.pool },
      { provide: POLL_SETTINGS, useValue: { holdSeconds: 50, nextPollSeconds: 1 } },
    ];
    const module: DynamicModule = {
      module: TestModule,
      global: true,
      imports: [CqrsModule.forRoot(), AgentsModule],
      controllers: [EchoController],
      providers: shared,
      exports: shared,
    };
    return { module, authenticator: createAuthenticator({ pool: database.pool, log }), routes: keepRawBody };
  },
};

let fresh: FreshDatabase;
let service: RunningService;
let db: pg.Client;
const admin = newApiKey();
const reader = newApiKey();

beforeAll(async () => {
  fresh = await freshDatabase();
  db = new pg.Client({ connectionString: fresh.url });
  await db.connect();
  // The part of ingest's schema that judging an API key needs.
  await db.query(`CREATE SCHEMA auth; CREATE TABLE auth.api_key (id uuid, name text, hash bytea, scopes text[], expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz)`);
  for (const [key, scopes] of [
    [admin, ['admin']],
    [reader, ['tasks:read']],
  ] as const) {
    await db.query('INSERT INTO auth.api_key (id, name, hash, scopes) VALUES ($1, $2, $3, $4)', [
      randomUUID(),
      'test',
      key.hash,
      scopes,
    ]);
  }
  service = await startService(agentsOnly, { DATABASE_URL: fresh.url, QUELL_LOG_LEVEL: 'silent' });
  await db.query(
    `INSERT INTO mitigation.agent_nonce_epoch (since) VALUES ('epoch') ON CONFLICT (id) DO UPDATE SET since = 'epoch'`,
  );
});

afterAll(async () => {
  await service.stop('the test is over');
  await db.end();
  await fresh.drop();
});

async function call(
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string },
) {
  const response = await fetch(`${service.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

const asKey = (secret: string) => ({ authorization: `Bearer ${secret}`, 'content-type': 'application/json' });
const makeToken = async (wanted: object = {}) => {
  const { body } = await call('POST', '/v1/enrolment-tokens', {
    headers: asKey(admin.secret),
    body: JSON.stringify(wanted),
  });
  return body.enrolmentToken as string;
};
const signedCall = (agent: TestAgent, path: string, body: string, signing: Signing = {}) =>
  call('POST', path, { headers: signedHeaders(agent, 'POST', path, body, signing), body });
const enrolBody = (agent: TestAgent, enrolmentToken: string, more: object = {}) =>
  JSON.stringify({
    enrolmentToken,
    enrolmentId: randomUUID(),
    publicKey: agent.publicKey,
    host: {
      hostname: 'desk-7',
      ips: ['192.0.2.7'],
      macs: ['00:1b:21:00:00:07'],
      platform: 'linux',
      osVersion: '6.1',
      ...more,
    },
  });
async function enrolled(more: object = {}): Promise<TestAgent> {
  const agent = await testAgent();
  const { status } = await signedCall(agent, '/v1/agents/enrol', enrolBody(agent, await makeToken(), more));
  expect(status).toBe(200);
  return agent;
}

test('an enrolled agent may call, is listed with its facts, and its contact shows', async () => {
  const agent = await testAgent();
  const body = enrolBody(agent, await makeToken());
  const first = await signedCall(agent, '/v1/agents/enrol', body);
  expect(first).toMatchObject({ status: 200, body: { agentId: agent.agentId, poll: { holdSeconds: 50 } } });
  expect((await signedCall(agent, '/v1/agents/enrol', body)).body).toEqual(first.body);

  const echo = await signedCall(agent, '/test/agent', '{}');
  expect(echo).toMatchObject({ status: 201, body: { agentId: agent.agentId, endpointId: first.body.endpointId } });

  await eventually(async () => {
    const { rows } = await db.query('SELECT last_seen_at FROM mitigation.agent_last_seen WHERE agent_id = $1', [
      agent.agentId,
    ]);
    return rows.length === 1;
  });
  const found = await call('GET', `/v1/agents/${agent.agentId}`, {
    headers: { authorization: `Bearer ${reader.secret}` },
  });
  expect(found).toMatchObject({
    status: 200,
    body: { status: 'active', hostname: 'desk-7', endpointId: first.body.endpointId, lastSeenAt: expect.any(String) },
  });
  const unknown = await call('GET', `/v1/agents/${'x'.repeat(43)}`, {
    headers: { authorization: `Bearer ${reader.secret}` },
  });
  expect(unknown.status).toBe(404);
});

test('making tokens needs the scope, listing agents needs a credential', async () => {
  expect((await call('POST', '/v1/enrolment-tokens', { headers: asKey(reader.secret), body: '{}' })).status).toBe(403);
  expect((await call('GET', '/v1/agents', {})).status).toBe(401);
  const made = await call('POST', '/v1/enrolment-tokens', { headers: asKey(admin.secret), body: '{"maxUses":3}' });
  expect(made).toMatchObject({ status: 201, body: { maxUses: 3, expiresAt: expect.any(String) } });
  const wrong = await call('POST', '/v1/enrolment-tokens', { headers: asKey(admin.secret), body: '{"maxUses":0}' });
  expect(wrong).toMatchObject({ status: 400, body: { errors: [{ pointer: '/maxUses' }] } });
});

test('whatever is wrong with an enrolment, the 401 is the same, with a Date', async () => {
  const agent = await testAgent();
  const stranger = await testAgent();
  const token = await makeToken();
  const body = enrolBody(agent, token);
  const spent = enrolBody(await testAgent(), token);
  const answers = [
    await signedCall(stranger, '/v1/agents/enrol', body),
    await signedCall(agent, '/v1/agents/enrol', enrolBody(agent, 'no-such-token')),
    await signedCall(agent, '/v1/agents/enrol', body, { created: new Date(Date.now() - 400_000) }),
    await call('POST', '/v1/agents/enrol', { headers: { 'content-type': 'application/json' }, body }),
    await call('POST', '/v1/agents/enrol', {
      headers: signedHeaders(agent, 'POST', '/v1/agents/enrol', body),
      body: spent,
    }),
  ];
  for (const answer of answers) {
    expect(answer.status).toBe(401);
    expect(Math.abs(Date.parse(answer.headers.get('date') ?? '') - Date.now())).toBeLessThan(60_000);
    const { instance: _, ...problem } = answer.body;
    const { instance: __, ...first } = answers[0]?.body ?? {};
    expect(problem).toEqual(first);
  }
  expect((await signedCall(agent, '/v1/agents/enrol', body)).status).toBe(200);
});

test('a request passes once: a replay, another path, another body and an unknown agent get 401', async () => {
  const agent = await enrolled();
  const headers = signedHeaders(agent, 'POST', '/test/agent', '{"a":1}');
  expect((await call('POST', '/test/agent', { headers, body: '{"a":1}' })).status).toBe(201);
  expect((await call('POST', '/test/agent', { headers, body: '{"a":1}' })).status).toBe(401);
  const unused = () => signedHeaders(agent, 'POST', '/test/agent', '{"a":1}');
  expect((await call('POST', '/test/agent?b=2', { headers: unused(), body: '{"a":1}' })).status).toBe(401);
  expect((await call('POST', '/test/agent', { headers: unused(), body: '{"a":2}' })).status).toBe(401);
  expect((await call('POST', '/test/agent', { headers: unused(), body: '{"a": 1}' })).status).toBe(401);
  expect((await signedCall(await testAgent(), '/test/agent', '{}')).status).toBe(401);
  expect((await call('POST', '/test/agent', { headers: asKey(admin.secret), body: '{}' })).status).toBe(401);
});

test('a machine that is installed anew needs a token that replaces its old agent, whose requests end with it', async () => {
  const old = await enrolled({ deviceId: 'D-77' });
  const young = await testAgent();
  const host = { deviceId: 'D-77' };
  const refused = await signedCall(young, '/v1/agents/enrol', enrolBody(young, await makeToken(), host));
  expect(refused).toMatchObject({ status: 409, body: { type: 'urn:quell:problem:identity-conflict' } });

  expect((await signedCall(old, '/test/agent', '{}')).status).toBe(201);
  const replacing = await makeToken({ replacesAgentId: old.agentId });
  expect((await signedCall(young, '/v1/agents/enrol', enrolBody(young, replacing, host))).status).toBe(200);
  expect((await signedCall(young, '/test/agent', '{}')).status).toBe(201);
  expect((await signedCall(old, '/test/agent', '{}')).status).toBe(401);
});

test('the list pages through every agent once, the newest first, and filters by endpoint', async () => {
  for (const hostname of ['page-1', 'page-2', 'page-3']) await enrolled({ hostname });
  const headers = { authorization: `Bearer ${reader.secret}` };
  const seen: { agentId: string; enrolledAt: string }[] = [];
  let cursor: string | undefined;
  do {
    const { body } = await call('GET', `/v1/agents?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`, {
      headers,
    });
    seen.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor !== undefined);
  const { rows } = await db.query('SELECT agent_id FROM mitigation.agent');
  expect(seen.map(({ agentId }) => agentId).sort()).toEqual(rows.map(({ agent_id }) => agent_id).sort());
  expect(seen.map(({ enrolledAt }) => enrolledAt)).toEqual(
    seen
      .map(({ enrolledAt }) => enrolledAt)
      .sort()
      .reverse(),
  );
  expect((await call('GET', '/v1/agents?endpoint=PAGE-2', { headers })).body.items).toMatchObject([
    { hostname: 'page-2' },
  ]);
  expect((await call('GET', '/v1/agents?cursor=nonsense', { headers })).status).toBe(400);
});

test('a body that comes in many parts is digested as it was sent', async () => {
  const agent = await enrolled();
  const body = `{"text": "${'ä'.repeat(200_000)}"}\n`;
  expect((await signedCall(agent, '/test/agent', body)).status).toBe(201);
});

test('an address that fails to enrol again and again is told to wait', async () => {
  const agent = await testAgent();
  let last = await signedCall(agent, '/v1/agents/enrol', enrolBody(agent, 'guess'));
  for (let count = 0; count < 100 && last.status === 401; count += 1) {
    last = await signedCall(agent, '/v1/agents/enrol', enrolBody(agent, 'guess'));
  }
  expect(last.status).toBe(429);
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
});
