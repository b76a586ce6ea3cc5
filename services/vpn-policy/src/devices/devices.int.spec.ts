import { randomUUID } from 'node:crypto';
import type { DeviceRecord } from '@quell/contracts/device-record';
import { topicSpec, topics } from '@quell/contracts/topics';
import type { Broker } from '@quell/messaging/broker';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';
import fc from 'fast-check';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { startDeviceConsumer } from './consumer.ts';
import { type DeviceChange, readDevice, readDevicesAfter, takeDeviceChanges } from './known-devices.ts';

let database: TestDatabase;
let broker: Broker;
beforeAll(async () => {
  database = await testDatabase();
  broker = createKafkaBroker({ brokers: testKafka().brokers, clientId: 'vpn-devices-test' });
  await broker.admin.ensureTopics([topicSpec(topics.devices), topicSpec(topics.deadLetters)]);
});
afterAll(async () => {
  await broker.close();
  await database.drop();
});

const facts = { model: '', label: '', capabilities: [], hostnames: [], ips: [], macs: [], tags: [] };
const record = (id: string, version: number, more: Partial<DeviceRecord> = {}): DeviceRecord => ({
  id,
  ...facts,
  version,
  ...more,
});
const take = (changes: readonly DeviceChange[]) =>
  inTransaction(database.pool, (client) => takeDeviceChanges(client, changes));

test('however a partition is cut into batches and repeated, a device is what its last record says', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ id: fc.constantFrom('a', 'b'), gone: fc.constant(false) }) },
    { weight: 1, arbitrary: fc.record({ id: fc.constantFrom('a', 'b'), gone: fc.constant(true) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.array(fc.nat(12)), async (steps, cuts) => {
      await database.pool.query('DELETE FROM vpn_policy.known_device');
      const changes = steps.map(
        ({ id, gone }, index): DeviceChange => ({ id, record: gone ? undefined : record(id, index + 1) }),
      );
      let from = 0;
      for (const cut of [...new Set([...cuts, changes.length])].sort((a, b) => a - b)) {
        const batch = changes.slice(from, cut);
        await take(batch);
        // A batch that was taken and not confirmed comes again from its beginning.
        await take(batch);
        from = Math.max(from, cut);
      }
      for (const id of ['a', 'b']) {
        const last = changes.findLast((change) => change.id === id);
        expect(await readDevice(database.pool, id)).toEqual(last?.record);
      }
    }),
    { numRuns: 20 },
  );
});

test('devices are read by id, those of some groups alone where only they can be meant', async () => {
  await database.pool.query('DELETE FROM vpn_policy.known_device');
  const ids = ['Z', 'a', 'b', 'ä'];
  await take(ids.map((id, index) => ({ id, record: record(id, 1, index % 2 === 0 ? { group: 'sales' } : {}) })));
  const read = async (after: string, groups?: string[]) =>
    (await readDevicesAfter(database.pool, after, 3, groups)).map(({ id }) => id);
  expect(await read('')).toEqual(['Z', 'a', 'b']);
  expect(await read('b')).toEqual(['ä']);
  expect(await read('', ['sales'])).toEqual(['Z', 'b']);
});

test('what the registry publishes becomes known, what cannot be read is a dead letter, and a restart goes on after it', async () => {
  const id = `D-${randomUUID()}`;
  const broken = `D-${randomUUID()}`;
  const publish = (key: string, value: string | null) => broker.publish(topics.devices, [{ key, value }]);
  const log = createLog('test', 'silent');
  const parts = { pool: database.pool, broker, log, group: `vpn-devices-${randomUUID()}` };

  await publish(id, JSON.stringify(record(id, 1, { label: 'one' })));
  await publish(broken, '{"id":');
  const consumer = await startDeviceConsumer(parts);
  await eventually(async () => (await readDevice(database.pool, id))?.label === 'one', { timeoutMs: 30_000 });
  await eventually(async () => {
    const { rows } = await database.pool.query('SELECT reason FROM vpn_policy.dead_letter WHERE key = $1', [broken]);
    return rows[0]?.reason === 'the value is not JSON';
  });
  await consumer.stop();

  await publish(id, JSON.stringify(record(id, 2, { label: 'two' })));
  const again = await startDeviceConsumer(parts);
  await eventually(async () => (await readDevice(database.pool, id))?.label === 'two', { timeoutMs: 30_000 });
  await publish(id, null);
  await eventually(async () => (await readDevice(database.pool, id)) === undefined, { timeoutMs: 30_000 });
  await again.stop();
});
