import { randomUUID } from 'node:crypto';
import type { AgentRecord } from '@quell/contracts/agent-record';
import { topics } from '@quell/contracts/topics';
import type { Broker, Consumer, OutgoingMessage } from '@quell/messaging/broker';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { createLog } from '@quell/service-kit/log';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { agentRecordOf, newMac } from './agents.fixture.ts';
import { startAgentConsumer } from './consumer.ts';

let database: TestDatabase;
let kafka: Broker;
const log = createLog('test', 'silent');
beforeAll(async () => {
  database = await testDatabase();
  kafka = createKafkaBroker({ brokers: testKafka().brokers, clientId: 'device-registry-test' });
});
afterAll(async () => {
  await kafka.close();
  await database.drop();
});

const rows = async (sql: string, ...values: unknown[]) => (await database.pool.query(sql, values)).rows;

/** The run's Kafka under names of this test's own: all tests share it. */
async function ownTopics(partitions: number) {
  const id = randomUUID();
  const named = (topic: string) => `${topic}-${id}`;
  await kafka.admin.ensureTopics(
    [topics.agents, topics.deadLetters].map((topic) => ({ name: named(topic), partitions })),
  );
  const broker = (group: string): Broker => ({
    ...kafka,
    publish: (topic, messages) => kafka.publish(named(topic), messages),
    consume: (options) =>
      kafka.consume({ ...options, group: `${group}-${id}`, topics: options.topics.map(named), pollSeconds: 0.05 }),
  });
  const start = (group: string): Promise<Consumer> =>
    startAgentConsumer({ pool: database.pool, broker: broker(group), log, onChange: () => {} });
  const publish = (...messages: OutgoingMessage[]) => kafka.publish(named(topics.agents), messages);
  const taken = (messages: number) =>
    eventually(
      async () => {
        const sql = 'SELECT coalesce(sum(next_offset), 0)::int AS n FROM device_registry.inbox WHERE topic = $1';
        return (await rows(sql, named(topics.agents)))[0].n === messages;
      },
      { timeoutMs: 40_000 },
    );
  return { named, start, publish, taken };
}

const message = (record: AgentRecord): OutgoingMessage => ({ key: record.agentId, value: JSON.stringify(record) });

test('garbage among records becomes dead letters; the agents around it get their devices, and a tombstone is taken', async () => {
  const { named, start, publish, taken } = await ownTopics(1);
  const [first, poison, last] = [
    agentRecordOf({ hostname: 'first' }),
    agentRecordOf({ hostname: 'poison' }),
    agentRecordOf({ hostname: 'last' }),
  ];
  // Passes its schema and cannot be stored.
  await rows(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poisoned'; END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON device_registry.device_agent FOR EACH ROW WHEN (NEW.hostname = 'poison')
       EXECUTE FUNCTION refuse()`,
  );
  await publish(
    message(first),
    { key: 'k', value: 'not JSON' },
    { key: poison.agentId, value: JSON.stringify({ ...poison, status: 'asleep' }) },
    message(poison),
    { key: 'no agent', value: null },
    message(last),
    { key: first.agentId, value: null },
  );
  const consumer = await start('one');
  await taken(7);
  await consumer.stop();
  const agents = await rows('SELECT agent_id, device_id FROM device_registry.device_agent');
  expect(agents).toEqual([{ agent_id: last.agentId, device_id: last.endpointId }]);
  const devices = await rows('SELECT id, hostnames FROM device_registry.device ORDER BY hostnames');
  expect(devices).toEqual([
    { id: first.endpointId, hostnames: ['first'] },
    { id: last.endpointId, hostnames: ['last'] },
  ]);
  const letters = await rows(
    `SELECT "offset"::int AS at, reason FROM device_registry.dead_letter WHERE topic = $1 ORDER BY 1`,
    named(topics.agents),
  );
  expect(letters).toEqual([
    { at: 1, reason: 'the value is not JSON' },
    { at: 2, reason: expect.stringContaining('/status') },
    { at: 3, reason: expect.stringContaining('poisoned') },
    { at: 4, reason: 'the key is no agent id' },
  ]);
}, 60_000);

test('replicas that take partitions at the same time, and members that take them again, make one device a machine', async () => {
  const { start, publish, taken } = await ownTopics(4);
  const machines = Array.from({ length: 12 }, (_, index) => ({ macs: [newMac()], hostname: `machine-${index}` }));
  // Each machine was installed anew three times: agents of their own, on partitions of their own.
  const records = machines.flatMap((machine) => Array.from({ length: 3 }, () => agentRecordOf(machine)));
  // In two groups each member believes to own every partition: one of them loses each compare-and-set.
  const consumers = await Promise.all([start('one'), start('one'), start('two'), start('two')]);
  for (const version of [1, 2, 3]) {
    await publish(...records.map((record) => message({ ...record, version })));
  }
  await taken(records.length * 3);
  await Promise.all(consumers.map((consumer) => consumer.stop()));

  for (const { macs, hostname } of machines) {
    const found = await rows(
      'SELECT id, version, hostnames, macs FROM device_registry.device WHERE $1 = ANY (hostnames)',
      hostname,
    );
    expect(found).toEqual([expect.objectContaining({ hostnames: [hostname], macs })]);
    const agents = await rows(
      'SELECT DISTINCT device_id FROM device_registry.device_agent WHERE hostname = $1',
      hostname,
    );
    expect(agents).toEqual([{ device_id: found[0].id }]);
    // Registered, and identified once by each of its agents at most.
    expect(found[0].version).toBeLessThanOrEqual(4);
  }
}, 90_000);
