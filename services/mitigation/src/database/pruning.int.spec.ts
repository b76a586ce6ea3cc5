import { EXPIRED_TOKEN_DAYS, makeToken, pruneTokens } from '../agents/enrolment/tokens.ts';
import { bodyOfKey, IDEMPOTENCY_KEY_DAYS, keepKey, pruneIdempotencyKeys } from '../commands/idempotency-keys.ts';
import { type TestDatabase, testDatabase } from './test-database.fixture.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);

test('an idempotency key is remembered for its days and then forgotten', async () => {
  const client = await database.pool.connect();
  await keepKey(client, 'a key', 'a hash');
  expect(await pruneIdempotencyKeys(database.pool, inDays(IDEMPOTENCY_KEY_DAYS - 0.1))).toBe(0);
  expect(await bodyOfKey(client, 'a key')).toBe('a hash');
  expect(await pruneIdempotencyKeys(database.pool, inDays(IDEMPOTENCY_KEY_DAYS + 0.1))).toBe(1);
  expect(await bodyOfKey(client, 'a key')).toBeUndefined();
  client.release();
});

test('an enrolment token goes some days after it expired, not before', async () => {
  await makeToken(database.pool, { expiresInSeconds: 86_400, maxUses: 1 }, 'key:test', new Date());
  expect(await pruneTokens(database.pool, inDays(EXPIRED_TOKEN_DAYS + 0.9))).toBe(0);
  expect(await pruneTokens(database.pool, inDays(EXPIRED_TOKEN_DAYS + 1.1))).toBe(1);
});
