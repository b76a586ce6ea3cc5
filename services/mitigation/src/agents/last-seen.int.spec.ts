import { createLog } from '@quell/service-kit/log';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { LastSeen } from './last-seen.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const at = (second: number) => new Date(1_700_000_000_000 + second * 1000);
const lastSeen = async (agentId: string) => {
  const { rows } = await database.pool.query(
    'SELECT last_seen_at FROM mitigation.agent_last_seen WHERE agent_id = $1',
    [agentId],
  );
  return rows[0]?.last_seen_at;
};

test('the latest contact of an agent is kept, whatever replica writes last', async () => {
  const log = createLog('test', 'silent');
  const [one, two] = [new LastSeen(database.pool, log), new LastSeen(database.pool, log)];
  one.seen('a', at(1));
  one.seen('a', at(3));
  one.seen('b', at(2));
  two.seen('a', at(2));
  await one.flush();
  await two.flush();
  expect(await lastSeen('a')).toEqual(at(3));
  expect(await lastSeen('b')).toEqual(at(2));
});

test('contacts that could not be written are written the next time, unless a later one came', async () => {
  const contacts = new LastSeen(database.pool, createLog('test', 'silent'));
  contacts.seen('c', at(1));
  contacts.seen('d', at(1));
  await database.pool.query('ALTER TABLE mitigation.agent_last_seen RENAME TO away');
  const failed = contacts.flush();
  contacts.seen('d', at(5));
  await expect(failed).rejects.toThrow(/does not exist/);
  await database.pool.query('ALTER TABLE mitigation.away RENAME TO agent_last_seen');
  await contacts.stop();
  expect(await lastSeen('c')).toEqual(at(1));
  expect(await lastSeen('d')).toEqual(at(5));
});
