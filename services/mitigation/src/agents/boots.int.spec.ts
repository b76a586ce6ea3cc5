import { randomUUID } from 'node:crypto';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { recordBoot } from './boots.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const at = (second: number) => new Date(1_700_000_000_000 + second * 1000);

async function agent(): Promise<string> {
  const endpointId = randomUUID();
  const agentId = randomUUID();
  await database.pool.query('INSERT INTO mitigation.endpoint (endpoint_id) VALUES ($1)', [endpointId]);
  await database.pool.query(
    `INSERT INTO mitigation.agent (agent_id, public_key, endpoint_id, enrolment_id, status) VALUES ($1, '{}', $2, $3, 'active')`,
    [agentId, endpointId, randomUUID()],
  );
  return agentId;
}

test('a clone is found whatever replica each of the two talks to', async () => {
  const id = await agent();
  const checkIn = (bootId: string, second: number) => recordBoot(database.pool, id, bootId, at(second), at(second));
  expect(await checkIn('A', 1)).toBe('new');
  expect(await checkIn('B', 2)).toBe('new');
  expect(await checkIn('B', 3)).toBe('same');
  expect(await checkIn('A', 4)).toBe('conflict');
  expect(await checkIn('B', 5)).toBe('conflict');
});

test('of many first check-ins of one boot at once one is new, and nothing of the boot before is lost', async () => {
  const id = await agent();
  await recordBoot(database.pool, id, 'A', at(1), at(1));
  const verdicts = await Promise.all(
    Array.from({ length: 10 }, () => recordBoot(database.pool, id, 'B', at(2), at(2))),
  );
  expect(verdicts.filter((verdict) => verdict === 'new')).toHaveLength(1);
  expect(verdicts.filter((verdict) => verdict === 'same')).toHaveLength(9);
  expect(await recordBoot(database.pool, id, 'A', at(3), at(3))).toBe('conflict');
});

test('an agent that is not on record is refused', async () => {
  expect(await recordBoot(database.pool, 'nobody', 'A', at(1), at(1))).toBe('stale');
});
