import { startService } from '@quell/service-kit/start';
import { testKafka } from '@quell/testing/kafka';
import pg from 'pg';
import { ingestService } from '../src/ingest.service.ts';
import { adminKey, startIngest, type TestIngest } from './stack.ts';

let ingest: TestIngest;
beforeAll(async () => {
  ingest = await startIngest();
});
afterAll(() => ingest?.stop());

const json = { 'content-type': 'application/json' };
const make = (body: object) =>
  ingest.call('/v1/api-keys', { method: 'POST', headers: json, body: JSON.stringify(body) });

test('a key is shown once when it is made, works, and ends when it is revoked', async () => {
  const made = await make({ name: 'reader', scopes: ['metrics:read', 'metrics:read'] });
  expect(made.status).toBe(201);
  expect(made.headers.get('cache-control')).toBe('no-store');
  const { id, secret, ...shown } = made.json;
  expect(shown).toMatchObject({ name: 'reader', scopes: ['metrics:read'], prefix: secret.slice(0, 10) });
  expect((await ingest.call('/metrics', { key: secret })).status).toBe(200);

  const list = await ingest.call('/v1/api-keys');
  expect(list.json.items[0]).toMatchObject({ id, name: 'reader' });
  expect(list.text).not.toContain(secret);

  expect((await ingest.call(`/v1/api-keys/${id}`, { method: 'DELETE' })).status).toBe(204);
  expect((await ingest.call(`/v1/api-keys/${id}`, { method: 'DELETE' })).status).toBe(204);
  expect((await ingest.call('/v1/api-keys')).json.items[0]).toMatchObject({ id, revokedAt: expect.any(String) });
  const nobody = '00000000-0000-4000-8000-000000000000';
  expect((await ingest.call(`/v1/api-keys/${nobody}`, { method: 'DELETE' })).status).toBe(404);
});

test('no secret is in the database', async () => {
  const { json: made } = await make({ name: 'kept', scopes: ['tasks:read'] });
  const client = new pg.Client({ connectionString: ingest.databaseUrl });
  await client.connect();
  const { rows } = await client.query('SELECT row_to_json(k)::text AS row FROM auth.api_key AS k');
  await client.end();
  expect(rows.length).toBeGreaterThan(1);
  for (const { row } of rows) {
    expect(row).not.toContain(made.secret.slice(12));
    expect(row).not.toContain(adminKey);
  }
});

test('only administrators make keys, with scopes that exist and an expiry ahead', async () => {
  const { json: reader } = await make({ name: 'reader', scopes: ['ops:read'] });
  expect((await ingest.call('/v1/api-keys', { key: reader.secret })).status).toBe(403);
  expect((await make({ name: 'x', scopes: ['root'] })).json.errors).toMatchObject([{ pointer: '/scopes/0' }]);
  expect((await make({ name: 'x', scopes: [] })).status).toBe(400);
  const past = await make({ name: 'x', scopes: ['ops:read'], expiresAt: '2020-01-01T00:00:00Z' });
  expect(past.json).toMatchObject({ status: 400, errors: [{ pointer: '/expiresAt' }] });
});

test('the list pages through every key once, the newest first', async () => {
  for (let index = 0; index < 5; index++) await make({ name: `page-${index}`, scopes: ['ops:read'] });
  const names: string[] = [];
  let cursor = '';
  do {
    const { json: page } = await ingest.call(`/v1/api-keys?limit=2${cursor}`);
    names.push(...page.items.map(({ name }: { name: string }) => name));
    cursor = page.nextCursor === undefined ? '' : `&cursor=${page.nextCursor}`;
  } while (cursor !== '');
  const { json: all } = await ingest.call('/v1/api-keys');
  expect(names).toEqual(all.items.map(({ name }: { name: string }) => name));
  expect(names.slice(0, 5)).toEqual(['page-4', 'page-3', 'page-2', 'page-1', 'page-0']);
});

test('another administrator key replaces the one before, and the same one again changes nothing', async () => {
  const start = (QUELL_ADMIN_KEY: string) =>
    startService(ingestService, {
      DATABASE_URL: ingest.databaseUrl,
      KAFKA_BROKERS: testKafka().brokers.join(','),
      QUELL_ADMIN_KEY,
      QUELL_LOG_LEVEL: 'silent',
    });
  const works = async (url: string, key: string) =>
    (await fetch(`${url}/v1/api-keys`, { headers: { authorization: `Bearer ${key}` } })).status;
  const other = 'another-administrators-key';
  for (const [key, past] of [
    [adminKey, undefined],
    [other, adminKey],
    [adminKey, other],
  ] as const) {
    const again = await start(key);
    expect(await works(again.url, key)).toBe(200);
    if (past !== undefined) expect(await works(again.url, past)).toBe(401);
    await again.stop('next key');
  }
});
