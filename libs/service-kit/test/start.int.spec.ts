import { once } from 'node:events';
import { connect } from 'node:net';
import { Body, Controller, Get, Module, Param, Post, Query, Req } from '@nestjs/common';
import { pageParameters } from '@quell/contracts/paging';
import { hashOfKey, newApiKey, type Principal } from '@quell/service-kit/api-key';
import { CurrentPrincipal, Public, Scopes } from '@quell/service-kit/auth';
import { createAuthenticator } from '@quell/service-kit/authenticator';
import { processEnvironment } from '@quell/service-kit/config';
import { decodeCursor } from '@quell/service-kit/cursor';
import { createPool, openDatabase } from '@quell/service-kit/database';
import { refusal } from '@quell/service-kit/problem-error';
import { type RunningService, startService } from '@quell/service-kit/start';
import { eventually } from '@quell/testing/eventually';
import { freshDatabase } from '@quell/testing/postgres';
import type { FastifyRequest } from 'fastify';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { z } from 'zod';

let answerHeld: (() => void) | undefined;
const thing = z.strictObject({ name: z.string().min(2), size: z.int().max(10) });
const listQuery = z.object({ ...pageParameters, colour: z.enum(['red', 'blue']).optional() });

@Controller('v1/things')
class ThingController {
  @Get()
  @Scopes('tasks:read')
  list(@Query({ schema: listQuery }) query: z.infer<typeof listQuery>): unknown {
    return { ...query, position: query.cursor === undefined ? null : decodeCursor(query.cursor, z.tuple([z.int()])) };
  }

  @Post()
  @Scopes('tasks:act', 'policy:write')
  create(@Body({ schema: thing }) body: z.infer<typeof thing>, @CurrentPrincipal() principal: Principal): unknown {
    return { ...body, by: principal.name };
  }

  @Get('open/:id')
  @Public()
  open(@Param('id', { schema: z.uuid() }) id: string): string {
    return id;
  }

  @Get('undecorated')
  undecorated(): string {
    return 'for administrators';
  }

  @Get('held')
  @Public()
  held(): Promise<string> {
    return new Promise((resolve) => {
      answerHeld = () => resolve('answered');
    });
  }

  @Get('caller')
  @Public()
  caller(@Req() request: FastifyRequest): string {
    return request.ip;
  }

  @Get('fault')
  @Public()
  fault(): never {
    throw new Error('the secret of the house');
  }

  @Get('refused')
  @Public()
  refused(): never {
    throw refusal('conflict', 'The thing has ended.', { headers: { 'retry-after': '7' } });
  }
}

@Module({ controllers: [ThingController] })
class ThingModule {}

class CreateAuth1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE auth.api_key (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL,
      hash bytea NOT NULL UNIQUE, scopes text[] NOT NULL, expires_at timestamptz, revoked_at timestamptz,
      last_used_at timestamptz)`);
    await runner.query('CREATE TABLE auth.note (id bigint GENERATED ALWAYS AS IDENTITY, text text)');
  }

  async down(): Promise<void> {}
}

let database: { url: string; drop(): Promise<void> };
let service: RunningService;
let pool: pg.Pool;
const stopped: string[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  service = await startService(
    {
      name: 'things',
      version: '0.0.0',
      config: processEnvironment,
      setUp: async ({ log, lifecycle, health }) => {
        const db = await openDatabase({
          service: 'things',
          url: database.url,
          schemas: ['auth'],
          migrations: [CreateAuth1700000000000],
          log,
        });
        pool = db.pool;
        health.addReadyCheck('postgres', () => db.ping());
        lifecycle.onStop('resources', 'postgres', async () => {
          stopped.push('resources');
          await db.close();
        });
        lifecycle.onStop('consumers', 'consumer', () => void stopped.push('consumers'));
        lifecycle.onStop('held-requests', 'polls', () => void stopped.push('held-requests'));
        return { module: ThingModule, authenticator: createAuthenticator({ pool, log, cacheSeconds: 0.001 }) };
      },
    },
    { QUELL_LOG_LEVEL: 'silent' },
  );
});

afterAll(async () => {
  await service.stop('the test is over');
  await database.drop();
});

async function addKey(columns: { scopes: string[]; expiresAt?: Date }): Promise<string> {
  const { secret } = newApiKey();
  await pool.query('INSERT INTO auth.api_key (name, hash, scopes, expires_at) VALUES ($1, $2, $3, $4)', [
    'a test',
    hashOfKey(secret),
    columns.scopes,
    columns.expiresAt ?? null,
  ]);
  return secret;
}

async function call(path: string, init: RequestInit & { key?: string } = {}) {
  const headers = new Headers(init.headers);
  if (init.key !== undefined) headers.set('authorization', `Bearer ${init.key}`);
  const response = await fetch(`${service.url}${path}`, { ...init, headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
}

const post = (key: string, body: string, type = 'application/json') =>
  call('/v1/things', { method: 'POST', key, body, headers: { 'content-type': type } });

test('a route answers a key with its scope, and 401 or 403 otherwise', async () => {
  const reader = await addKey({ scopes: ['tasks:read'] });
  const expired = await addKey({ scopes: ['tasks:read'], expiresAt: new Date(Date.now() - 1000) });
  expect((await call('/v1/things', { key: reader })).status).toBe(200);
  expect((await call('/v1/things')).json()).toMatchObject({ type: 'urn:quell:problem:unauthenticated', status: 401 });
  expect((await call('/v1/things', { key: 'nonsense' })).status).toBe(401);
  expect((await call('/v1/things', { key: expired })).status).toBe(401);
  const refused = await post(reader, '{}');
  expect(refused.status).toBe(403);
  expect(refused.headers.get('www-authenticate')).toContain('scope="tasks:act policy:write"');
  expect((await call('/v1/things', { headers: { authorization: 'Basic abc' } })).status).toBe(401);
});

test('a key revoked in the database stops working', async () => {
  const key = await addKey({ scopes: ['tasks:read'] });
  expect((await call('/v1/things', { key })).status).toBe(200);
  await pool.query('UPDATE auth.api_key SET revoked_at = now() WHERE hash = $1', [hashOfKey(key)]);
  expect((await call('/v1/things', { key })).status).toBe(401);
});

test('a route without a scope of its own is for administrators only', async () => {
  expect((await call('/v1/things/undecorated', { key: await addKey({ scopes: ['tasks:read'] }) })).status).toBe(403);
  expect((await call('/v1/things/undecorated', { key: await addKey({ scopes: ['admin'] }) })).status).toBe(200);
});

test('every bad place of a body, a query or a path has its pointer and reason', async () => {
  const admin = await addKey({ scopes: ['admin'] });
  const body = await post(admin, JSON.stringify({ name: 'x', size: 11, more: 1 }));
  expect(body.status).toBe(400);
  expect(body.headers.get('content-type')).toContain('application/problem+json');
  const pointers = (body.json().errors as { pointer: string }[]).map(({ pointer }) => pointer).sort();
  expect(pointers).toEqual(['/more', '/name', '/size']);
  const query = await call('/v1/things?limit=501&colour=green', { key: admin });
  expect((query.json().errors as { pointer: string }[]).map(({ pointer }) => pointer).sort()).toEqual([
    '/colour',
    '/limit',
  ]);
  expect((await call('/v1/things/open/seven')).json().errors).toMatchObject([{ pointer: '/id' }]);
  expect((await call('/v1/things?cursor=bm8', { key: admin })).json().errors).toMatchObject([{ pointer: '/cursor' }]);
});

test('what Fastify and Nest refuse comes back as a problem with the right status', async () => {
  const admin = await addKey({ scopes: ['admin'] });
  const answers = [
    [await call('/v1/nothing'), 404],
    [await call('/v1/things', { method: 'DELETE' }), 405],
    [await post(admin, '{"name":'), 400],
    [await post(admin, `{"name":"${'x'.repeat(2_000_000)}"}`), 413],
    [await post(admin, '<a/>', 'application/xml'), 415],
    [await call('/v1/things/refused'), 409],
    [await call('/v1/things/fault'), 500],
  ] as const;
  for (const [answer, status] of answers) {
    expect({ status: answer.status, type: answer.headers.get('content-type') }).toEqual({
      status,
      type: 'application/problem+json; charset=utf-8',
    });
    expect(answer.json()).toMatchObject({ status, type: expect.any(String), instance: expect.any(String) });
  }
  expect(answers[1][0].headers.get('allow')).toBe('GET, HEAD, POST');
  expect(answers[5][0].headers.get('retry-after')).toBe('7');
  expect(answers[6][0].text).not.toContain('secret of the house');
});

test('health, metrics and documents answer at the names that tools rely on', async () => {
  expect((await call('/livez')).json()).toEqual({ ok: true, checks: {} });
  expect((await call('/readyz')).json()).toEqual({ ok: true, checks: { postgres: 'ok' } });
  expect((await call('/metrics')).status).toBe(401);
  const metrics = await call('/metrics', { key: await addKey({ scopes: ['metrics:read'] }) });
  expect(metrics.text).toContain('http_request_duration_seconds_count');
  const document = (await call('/openapi.json')).json();
  expect(document.openapi).toBe('3.1.1');
  expect(Object.keys(document.paths)).toContain('/readyz');
  expect(Object.keys(document.paths)).not.toContain('/v1/tasks');
  expect((await call('/docs')).text).toContain('swagger-ui');
  expect((await call('/docs/swagger-ui-bundle.js')).status).toBe(200);
});

test('a role of its own may use what the migrations made, and nothing else of auth than it needs', async () => {
  const role = `things_${process.pid}`;
  await pool.query(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
  const url = new URL(database.url);
  url.username = role;
  url.password = 'p';
  const own = await openDatabase({
    service: 'things',
    url: url.href,
    migrationUrl: database.url,
    schemas: ['auth'],
    migrations: [CreateAuth1700000000000],
    log: service.log,
  });
  try {
    await own.pool.query("INSERT INTO auth.note (text) VALUES ('x')");
    await expect(own.pool.query('DROP TABLE auth.note')).rejects.toThrow('must be owner');
    const { rows } = await own.pool.query('SHOW transaction_timeout');
    expect(rows).toEqual([{ transaction_timeout: '10s' }]);
  } finally {
    await own.close();
    await pool.query(`DROP OWNED BY ${role}`);
    await pool.query(`DROP ROLE ${role}`);
  }
});

test('the caller is who a trusted proxy says, and the proxy itself where nobody is trusted', async () => {
  const forwarded = { 'x-forwarded-for': '192.0.2.7, 192.0.2.8' };
  expect((await call('/v1/things/caller', { headers: forwarded })).text).toBe('192.0.2.8');
  const others = await startService(
    {
      name: 'others',
      version: '0.0.0',
      config: processEnvironment,
      setUp: async ({ log }) => ({ module: ThingModule, authenticator: createAuthenticator({ pool, log }) }),
    },
    { QUELL_LOG_LEVEL: 'silent', QUELL_TRUSTED_PROXIES: '10.0.0.0/8', QUELL_BIND: '127.0.0.2' },
  );
  try {
    expect(others.url).toMatch(/^http:..127\.0\.0\.2:/);
    expect(await (await fetch(`${others.url}/v1/things/caller`, { headers: forwarded })).text()).toBe('127.0.0.1');
  } finally {
    await others.stop('the test is over');
  }
});

test('the last use of a key is written when the authenticator closes', async () => {
  const log = service.log;
  const other = createPool({ connectionString: database.url, max: 2 }, log);
  const authenticator = createAuthenticator({ pool: other, log });
  const key = await addKey({ scopes: ['tasks:read'] });
  await authenticator.authenticate(`bearer ${key}`);
  await authenticator.close();
  const { rows } = await other.query('SELECT last_used_at FROM auth.api_key WHERE hash = $1', [hashOfKey(key)]);
  expect(rows[0].last_used_at).toBeInstanceOf(Date);
  await other.end();
});

test('a stop runs in its order, answers what is being handled, and does not wait for connections kept alive or opened in advance', async () => {
  const early = connect(Number(new URL(service.url).port), '127.0.0.1');
  await once(early, 'connect');
  const closed = once(early, 'close');
  // fetch keeps its connections, so this one is kept when its answer comes after the server began to close.
  const held = fetch(`${service.url}/v1/things/held`);
  await eventually(() => answerHeld !== undefined);
  const stop = service.stop('asked to');
  await eventually(async () => {
    const refused = await fetch(`${service.url}/readyz`).catch(() => 'refused');
    return refused === 'refused' || (refused as Response).status === 503;
  });
  answerHeld?.();
  expect(await (await held).text()).toBe('answered');
  await stop;
  await closed;
  expect(stopped).toEqual(['consumers', 'held-requests', 'resources']);
  await expect(fetch(`${service.url}/livez`)).rejects.toThrow();
});
