import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { freePort } from '@quell/local/free-port';
import { type LocalKafka, startKafka } from '@quell/local/kafka';
import { eventually } from '@quell/testing/eventually';
import type { BatchHandler, Broker, NextOffset, TopicPartition } from './broker.ts';
import { createClient } from './kafka/client.ts';
import { createKafkaBroker } from './kafka.ts';

jest.setTimeout(90_000);

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const slowly = { timeoutMs: 40_000 };

let dataDir: string;
let port: number;
let kafka: LocalKafka;
let broker: Broker;
let topic: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'quell-kafka-trouble-'));
  port = await freePort();
  kafka = await startKafka({ dataDir, port });
});

afterAll(async () => {
  await kafka.stop();
  await rm(dataDir, { recursive: true, force: true });
});

beforeEach(async () => {
  topic = `trouble-${randomUUID()}`;
  broker = createKafkaBroker({ brokers: [kafka.brokers], clientId: 'trouble', publishTimeoutSeconds: 4 });
  await broker.admin.ensureTopics([{ name: topic, partitions: 2 }]);
});

afterEach(() => broker.close());

async function kill(): Promise<void> {
  process.kill(kafka.pid, 'SIGKILL');
  await kafka.ended;
}

async function restart(): Promise<void> {
  kafka = await startKafka({ dataDir, port });
}

/** What retention does, at once. */
async function expire({ topic, partition }: TopicPartition, below: bigint): Promise<void> {
  const client = createClient({ brokers: [kafka.brokers], clientId: 'trouble', logger: silent });
  const admin = client.kafka.admin();
  await admin.connect();
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(below) }] });
  await admin.disconnect();
}

/** A handler with a store of its own, as a service has it. */
function counting() {
  const store = new Map<number, bigint>();
  const handled: string[] = [];
  const handle: BatchHandler = async ({ partition, messages }) => {
    handled.push(...messages.map(({ value }) => String(value)));
    const nextOffset = messages.at(-1)!.offset + 1n;
    store.set(partition, nextOffset);
    return { nextOffset };
  };
  const startOffsets = async (): Promise<NextOffset[]> =>
    [...store].map(([partition, nextOffset]) => ({ topic, partition, nextOffset }));
  return { handled, handle, startOffsets, store };
}

test('a killed broker: not live, publishes fail as transient or wait; once it is back all that was acknowledged arrives in order', async () => {
  const inbox = counting();
  const consumer = await broker.consume({ ...inbox, group: topic, topics: [topic] });
  const patient = createKafkaBroker({ brokers: [kafka.brokers], clientId: 'patient', publishTimeoutSeconds: 80 });
  const acknowledged: string[] = [];
  let publishing = true;
  const writer = (async () => {
    for (let number = 0; publishing; number++) {
      await patient.publish(topic, [{ key: 'one key', value: String(number) }]);
      acknowledged.push(String(number));
    }
  })();
  await eventually(() => inbox.handled.length > 200);
  expect(broker.health()).toMatchObject({ live: true, ready: true });

  await kill();
  const { reason } = await eventually(() => (consumer.health().live ? undefined : consumer.health()), slowly);
  expect(reason).toMatch(/^the consumer died: /);
  const failed = broker.publish(topic, [{ key: 'other key', value: 'x' }]);
  await expect(failed).rejects.toMatchObject({ name: 'PublishFailed', transient: true });
  expect(broker.health()).toMatchObject({ live: false, ready: false });
  const atKill = acknowledged.length;

  await restart();
  await eventually(() => acknowledged.length > atKill + 200, slowly);
  publishing = false;
  await writer;
  await patient.close();
  await eventually(() => inbox.handled.includes(acknowledged.at(-1)!), slowly);
  // A batch whose answer was lost may be there twice, but then as a whole and before what follows it.
  expect([...new Set(inbox.handled)].filter((value) => value !== 'x')).toEqual(acknowledged);
  await eventually(() => consumer.health().live);
});

test('a frozen broker: publishes give up in time, the consumer is not live; both go on when it thaws', async () => {
  const inbox = counting();
  const consumer = await broker.consume({ ...inbox, group: topic, topics: [topic], stallAfterSeconds: 2 });
  await broker.publish(topic, [{ key: 'a', value: 'before' }]);
  await eventually(() => inbox.handled.includes('before'));
  process.kill(kafka.pid, 'SIGSTOP');
  try {
    const publish = broker.publish(topic, [{ key: 'a', value: 'frozen' }]);
    await expect(publish).rejects.toThrow('no acknowledgement of 1 of 1 messages within 4 s');
    const { reason } = await eventually(() => (consumer.health().live ? undefined : consumer.health()), slowly);
    expect(reason).toMatch(/^the broker has not answered for |^the consumer died: /);
  } finally {
    process.kill(kafka.pid, 'SIGCONT');
  }
  await eventually(() => broker.publish(topic, [{ key: 'a', value: 'after' }]).then(() => true), slowly);
  await eventually(() => inbox.handled.includes('after'), slowly);
  await eventually(() => broker.health().live, slowly);
});

test('a handler that never succeeds makes the consumer not live, with the reason; it is live again once it succeeds', async () => {
  const inbox = counting();
  let broken = true;
  const handle: BatchHandler = async (batch, context) => {
    if (broken) throw new Error('relation "task" does not exist');
    return inbox.handle(batch, context);
  };
  const consumer = await broker.consume({
    ...inbox,
    handle,
    group: topic,
    topics: [topic],
    stallAfterSeconds: 1,
    retrySeconds: { first: 0.05, most: 0.2 },
  });
  await consumer.joined;
  expect(consumer.health()).toMatchObject({ live: true });
  await broker.publish(topic, [{ key: 'a', value: 'v' }]);
  const { reason } = await eventually(() => (consumer.health().live ? undefined : consumer.health()));
  expect(reason).toMatch(/made no progress for \d+ s, it stands at offset 0: relation "task" does not exist/);
  broken = false;
  await eventually(() => consumer.health().live);
  expect(inbox.handled).toEqual(['v']);
});

test('a handler that hangs makes the consumer not live', async () => {
  const hanging: BatchHandler = () => new Promise(() => undefined);
  const consumer = await broker.consume({
    handle: hanging,
    group: topic,
    topics: [topic],
    stallAfterSeconds: 1,
    stopTimeoutSeconds: 1,
  });
  await consumer.joined;
  await broker.publish(topic, [{ key: 'a', value: 'v' }]);
  const { reason } = await eventually(() => (consumer.health().live ? undefined : consumer.health()));
  expect(reason).toMatch(/made no progress/);
});

test('a log that has dropped messages before they were handled is refused, with the cure', async () => {
  await broker.publish(
    topic,
    Array.from({ length: 10 }, () => ({ key: 'k', value: 'v' })),
  );
  const ranges = await broker.admin.offsets(topic);
  const partition = ranges.find(({ high }) => high === 10n)!.partition;
  await expire({ topic, partition }, 6n);
  const inbox = counting();
  inbox.store.set(partition, 4n);
  const consumer = await broker.consume({ ...inbox, group: topic, topics: [topic] });
  await expect(consumer.finished).rejects.toThrow(
    `${topic}[${partition}] starts at 6 but only messages up to 4 were handled: 2 messages expired unread`,
  );
  expect(inbox.handled).toEqual([]);
  expect(broker.health()).toMatchObject({ live: false });
});

test('messages that expire while their partition rests are missed: kafkajs would go on behind them, we refuse', async () => {
  const inbox = counting();
  const consumer = await broker.consume({ ...inbox, group: topic, topics: [topic] });
  await broker.publish(topic, [{ key: 'k', value: 'first' }]);
  await eventually(() => inbox.handled.includes('first'));
  const [partition] = [...inbox.store.keys()] as [number];
  consumer.pause({ topic, partition });
  await broker.publish(
    topic,
    Array.from({ length: 10 }, () => ({ key: 'k', value: 'later' })),
  );
  await expire({ topic, partition }, 6n);
  consumer.resume({ topic, partition });
  await expect(consumer.finished).rejects.toThrow(`${topic}[${partition}] starts at 6 but only messages up to`);
});

test('closing while the broker is away ends in bounded time', async () => {
  const other = createKafkaBroker({
    brokers: [`127.0.0.1:${await freePort()}`],
    clientId: 'lonely',
    publishTimeoutSeconds: 1,
  });
  await other.consume({ ...counting(), group: topic, topics: [topic], stopTimeoutSeconds: 2 });
  await expect(other.publish(topic, [{ key: 'k', value: 'v' }])).rejects.toMatchObject({ transient: true });
  expect(other.health()).toMatchObject({ ready: false });
  await other.close();
  expect(other.health().consumers).toEqual([]);
});

test('a broker that comes back with other data is refused, even when its log is long enough', async () => {
  const inbox = counting();
  const consumer = await broker.consume({ ...inbox, group: topic, topics: [topic] });
  await broker.publish(topic, [{ key: 'a', value: 'old' }]);
  await eventually(() => inbox.handled.includes('old'));
  await kill();
  await rm(dataDir, { recursive: true, force: true });
  await restart();
  await broker.admin.ensureTopics([{ name: topic, partitions: 2 }]);
  await eventually(
    () =>
      broker
        .publish(
          topic,
          [1, 2, 3].map((number) => ({ key: 'a', value: String(number) })),
        )
        .then(() => true),
    slowly,
  );
  await expect(consumer.finished).rejects.toThrow(/^group .* read from cluster .* Bring back the old broker data/);
  expect(inbox.handled).toEqual(['old']);
});
