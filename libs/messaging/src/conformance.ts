import { randomUUID } from 'node:crypto';
import { eventually } from '@quell/testing/eventually';
import type {
  Batch,
  BatchHandler,
  Broker,
  BrokerMessage,
  ConsumeOptions,
  NextOffset,
  OutgoingMessage,
} from './broker.ts';

/**
 * What every adapter of the port must do; call it in a spec file of the adapter. `connect` opens one more connection to
 * the same broker, as another process would.
 */
export function brokerConformance(connect: () => Broker): void {
  let brokers: Broker[];
  let broker: Broker;
  let topic: string;
  let group: string;

  const open = () => {
    const opened = connect();
    brokers.push(opened);
    return opened;
  };

  beforeEach(async () => {
    brokers = [];
    broker = open();
    topic = `conformance-${randomUUID()}`;
    group = `conformance-${randomUUID()}`;
    await broker.admin.ensureTopics([{ name: topic, partitions: 2 }]);
  });

  afterEach(async () => {
    await Promise.all(brokers.map((each) => each.close()));
  });

  const consume = (options: Partial<ConsumeOptions> & Pick<ConsumeOptions, 'handle'>, from = broker) =>
    from.consume({ group, topics: [topic], retrySeconds: { first: 0.05, most: 0.2 }, ...options });

  const numbered = (count: number, key: (index: number) => string | null): OutgoingMessage[] =>
    Array.from({ length: count }, (_, index) => ({ key: key(index), value: String(index) }));

  describe('publish and consume', () => {
    test('a message arrives as it was sent: key, value, headers, with its place and time', async () => {
      const before = Date.now();
      const inbox = new Inbox();
      await consume(inbox);
      await broker.publish(topic, [
        { key: 'ключ-✓', value: Buffer.from([0, 255, 1]), headers: { ce_id: 'a', 'content-type': 'text/plain; ü' } },
      ]);
      const [message] = await inbox.waitFor(1);
      expect(message).toMatchObject({ topic, offset: 0n, key: 'ключ-✓', value: Buffer.from([0, 255, 1]) });
      expect(message?.headers).toEqual({ ce_id: 'a', 'content-type': 'text/plain; ü' });
      expect(message?.timestamp.getTime()).toBeGreaterThanOrEqual(before - 1000);
      expect(message?.timestamp.getTime()).toBeLessThanOrEqual(Date.now() + 1000);
    });

    test('null key, tombstone, empty value and missing headers stay what they are', async () => {
      const inbox = new Inbox();
      await consume(inbox);
      await broker.publish(topic, [{ key: null, value: 'no key' }]);
      await broker.publish(topic, [{ key: 'k', value: null }]);
      await broker.publish(topic, [{ key: 'k', value: '' }]);
      const messages = await inbox.waitFor(3);
      expect(messages.find(({ key }) => key === null)?.value?.toString()).toBe('no key');
      expect(messages.filter(({ key }) => key === 'k').map(({ value }) => value)).toEqual([null, Buffer.alloc(0)]);
      expect(messages[0]?.headers).toEqual({});
    });

    test('publish resolves only when the messages are in the log', async () => {
      await broker.publish(
        topic,
        numbered(2500, (index) => `k${index}`),
      );
      const ranges = await open().admin.offsets(topic);
      expect(ranges.reduce((sum, { high }) => sum + high, 0n)).toBe(2500n);
    });

    test('many concurrent publishes keep the order of each key and lose or repeat nothing', async () => {
      const publishes: Promise<void>[] = [];
      for (let index = 0; index < 3000; index++) {
        publishes.push(broker.publish(topic, [{ key: `k${index % 7}`, value: String(index) }]));
      }
      await Promise.all(publishes);
      const inbox = new Inbox();
      await consume(inbox);
      const messages = await inbox.waitFor(3000);
      for (let key = 0; key < 7; key++) {
        const values = messages.filter((message) => message.key === `k${key}`).map(({ value }) => Number(value));
        expect(values).toEqual(Array.from({ length: values.length }, (_, index) => index * 7 + key));
      }
      expect(inbox.messages).toHaveLength(3000);
    });

    test('a message the broker can never take is refused alone and at once', async () => {
      const large = broker.publish(topic, [{ key: 'k', value: Buffer.alloc(2 * 1024 * 1024) }]);
      const small = broker.publish(topic, [{ key: 'k', value: 'small' }]);
      await expect(large).rejects.toMatchObject({ name: 'PublishFailed', transient: false });
      await expect(small).resolves.toBeUndefined();
    });

    test('nothing is published to a topic that does not exist, and nobody else waits for it', async () => {
      const lost = broker.publish(`${topic}-missing`, [{ key: 'k', value: 'x' }]);
      const found = broker.publish(topic, [{ key: 'k', value: 'y' }]);
      await expect(lost).rejects.toMatchObject({ name: 'PublishFailed' });
      await expect(found).resolves.toBeUndefined();
    });
  });

  describe('where consumption starts', () => {
    beforeEach(() =>
      broker.publish(
        topic,
        numbered(20, () => 'one key'),
      ),
    );

    test('at the beginning of the log when the store knows nothing, whatever the broker has committed', async () => {
      const first = new Inbox();
      const consumer = await consume(first);
      await first.waitFor(20);
      await consumer.stop();
      const again = new Inbox();
      await consume({ ...again, startOffsets: async () => [] });
      expect(await again.waitFor(20)).toEqual(first.messages);
    });

    test('at the stored offset, never below it', async () => {
      const inbox = new Inbox();
      await consume({
        ...inbox,
        startOffsets: async (assigned) => assigned.map((each) => ({ ...each, nextOffset: 0n })),
      });
      const { partition } = (await inbox.waitFor(20))[0]!;
      await broker.close();
      const later = new Inbox();
      await consume({ ...later, startOffsets: async () => [{ topic, partition, nextOffset: 15n }] }, open());
      await later.waitFor(5);
      expect(later.messages.map(({ offset }) => offset)).toEqual([15n, 16n, 17n, 18n, 19n]);
      expect(later.batches[0]?.from).toBe(15n);
    });

    test('at what the broker has committed when there is no store', async () => {
      const first = new Inbox();
      const consumer = await consume(first);
      await first.waitFor(20);
      await consumer.stop();
      await broker.publish(topic, [{ key: 'one key', value: 'new' }]);
      const next = new Inbox();
      await consume(next);
      await next.waitFor(1);
      expect(next.messages.map(({ value }) => String(value))).toEqual(['new']);
    });

    test('nowhere, with the cure, when the log ends below the stored offset', async () => {
      const consumer = await consume({
        ...new Inbox(),
        startOffsets: async (assigned) => assigned.map((each) => ({ ...each, nextOffset: 21n })),
      });
      await expect(consumer.finished).rejects.toMatchObject({ name: 'LogMismatch' });
      await expect(consumer.joined).rejects.toThrow(/ends at .* were handled.*inbox/);
      expect(consumer.health()).toMatchObject({ live: false });
    });

    test('again from the stored offset after the store was away', async () => {
      let failures = 3;
      const inbox = new Inbox();
      await consume({
        ...inbox,
        startOffsets: async () => {
          if (failures-- > 0) throw new Error('the database is away');
          return [];
        },
      });
      await inbox.waitFor(20);
    });
  });

  describe('batches', () => {
    test('a batch has one partition, ascending offsets, at most maxBatch messages, and continues the one before', async () => {
      await broker.publish(
        topic,
        numbered(500, (index) => `k${index}`),
      );
      const inbox = new Inbox();
      await consume({ ...inbox, maxBatch: 64 });
      await inbox.waitFor(500);
      const next = new Map<number, bigint>();
      for (const { partition, from, messages, highWatermark } of inbox.batches) {
        expect(from).toBe(next.get(partition) ?? 0n);
        expect(messages.map(({ offset }) => offset)).toEqual(messages.map((_, index) => from + BigInt(index)));
        expect(messages.length).toBeLessThanOrEqual(64);
        expect(highWatermark).toBeGreaterThan(messages.at(-1)!.offset);
        next.set(partition, messages.at(-1)!.offset + 1n);
      }
    });

    test('what the handler leaves comes again', async () => {
      await broker.publish(
        topic,
        numbered(10, () => 'k'),
      );
      const inbox = new Inbox({ takeAtMost: 3 });
      await consume(inbox);
      expect((await inbox.waitFor(10)).map(({ offset }) => Number(offset))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    test('a failing batch comes again from the stored offset, and other partitions go on meanwhile', async () => {
      await broker.publish(
        topic,
        numbered(40, (index) => `k${index}`),
      );
      const stored = new Map<number, bigint>();
      let open = false;
      let attempts = 0;
      const handle: BatchHandler = async ({ partition, messages }) => {
        if (partition === 0 && !open) {
          attempts++;
          throw new Error('not now');
        }
        const nextOffset = messages.at(-1)!.offset + 1n;
        stored.set(partition, nextOffset);
        return { nextOffset };
      };
      await consume({ handle, startOffsets: async () => rows(topic, stored) });
      await eventually(() => stored.has(1) && attempts >= 3);
      expect(stored.has(0)).toBe(false);
      open = true;
      await eventually(() => stored.has(0));
    });

    test('the broker learns the offset only after the handler returned', async () => {
      await broker.publish(
        topic,
        numbered(5, () => 'k'),
      );
      const gate = Promise.withResolvers<void>();
      const inbox = new Inbox({ before: () => gate.promise });
      await consume(inbox);
      const started = await eventually(() => inbox.started);
      const lag = async () =>
        (await broker.admin.lag(group, topic)).find(({ partition }) => partition === started.partition);
      expect(await lag()).toEqual({ partition: started.partition, committed: null, lag: 5n });
      gate.resolve();
      await eventually(async () => (await lag())?.committed === 5n);
      expect(await lag()).toEqual({ partition: started.partition, committed: 5n, lag: 0n });
    });

    test('no more partitions than allowed are handled at the same time, each by one call', async () => {
      await broker.admin.ensureTopics([{ name: `${topic}-wide`, partitions: 6 }]);
      await broker.publish(
        `${topic}-wide`,
        numbered(600, (index) => `k${index}`),
      );
      const running = new Map<number, number>();
      let most = 0;
      const inbox = new Inbox({
        before: async ({ partition }) => {
          running.set(partition, (running.get(partition) ?? 0) + 1);
          most = Math.max(most, running.size);
          expect(running.get(partition)).toBe(1);
          await new Promise((resolve) => setImmediate(resolve));
          running.delete(partition);
        },
      });
      await consume({ ...inbox, topics: [`${topic}-wide`], maxBatch: 10, partitionsConcurrently: 2 });
      await inbox.waitFor(600);
      expect(most).toBe(2);
    });

    test('a paused partition rests and goes on where it stood', async () => {
      const inbox = new Inbox();
      const consumer = await consume(inbox);
      await broker.publish(topic, [{ key: 'k', value: '0' }]);
      const { partition } = (await inbox.waitFor(1))[0]!;
      consumer.pause({ topic, partition });
      await broker.publish(
        topic,
        numbered(50, (index) => `k${index}`),
      );
      await eventually(() => inbox.messages.some((each) => each.partition !== partition));
      expect(inbox.messages.filter((each) => each.partition === partition)).toHaveLength(1);
      consumer.resume({ topic, partition });
      await inbox.waitFor(51);
    });
  });

  describe('groups', () => {
    test('members share the partitions, and what one leaves the other takes up without loss', async () => {
      const store = new Map<number, bigint>();
      const handled: BrokerMessage[] = [];
      const member = () =>
        consume(
          {
            startOffsets: async () => rows(topic, store),
            handle: async ({ partition, from, messages }) => {
              if ((store.get(partition) ?? 0n) !== from) throw new Error('lost the compare-and-set');
              const nextOffset = messages.at(-1)!.offset + 1n;
              store.set(partition, nextOffset);
              handled.push(...messages);
              return { nextOffset };
            },
          },
          open(),
        );
      const first = await member();
      await first.joined;
      const second = await member();
      await second.joined;
      await eventually(() => first.health().partitions.length === 1 && second.health().partitions.length === 1);
      const publishing = (async () => {
        for (let round = 0; round < 20; round++)
          await broker.publish(
            topic,
            numbered(50, (index) => `k${index}`),
          );
      })();
      await eventually(() => handled.length > 100);
      await first.stop();
      await publishing;
      await eventually(() => handled.length >= 1000);
      const places = new Set(handled.map(({ partition, offset }) => `${partition}/${offset}`));
      expect(handled).toHaveLength(1000);
      expect(places.size).toBe(1000);
    });

    test('a handler that takes longer than the session timeout keeps its partition', async () => {
      await broker.publish(
        topic,
        numbered(3, () => 'k'),
      );
      const handles: string[] = [];
      const slow: BatchHandler = async ({ messages }, { isStale }) => {
        const until = Date.now() + 8_000;
        await eventually(() => Date.now() > until, { timeoutMs: 10_000 });
        handles.push(isStale() ? 'stale' : 'ours');
        return { nextOffset: messages.at(-1)!.offset + 1n };
      };
      await consume({ handle: slow });
      await eventually(() => handles.length > 0, { timeoutMs: 25_000 });
      await eventually(async () => (await broker.admin.lag(group, topic)).every(({ lag }) => lag === 0n));
      expect(handles).toEqual(['ours']);
    }, 40_000);
  });

  describe('stopping', () => {
    test('stop waits for the running batch, and no other begins', async () => {
      await broker.publish(
        topic,
        numbered(100, () => 'k'),
      );
      const gate = Promise.withResolvers<void>();
      const inbox = new Inbox({ before: () => gate.promise });
      const consumer = await consume({ ...inbox, maxBatch: 10 });
      await eventually(() => inbox.started);
      const stopped = consumer.stop();
      gate.resolve();
      await stopped;
      expect(inbox.messages).toHaveLength(10);
      await expect(consumer.finished).resolves.toBeUndefined();
      await broker.publish(
        topic,
        numbered(100, () => 'k'),
      );
      const other = new Inbox();
      await consume(other);
      await other.waitFor(190);
      expect(inbox.messages).toHaveLength(10);
    });

    test('stop aborts the signal of a waiting handler and returns in bounded time even when the handler ignores it', async () => {
      await broker.publish(
        topic,
        numbered(1, () => 'k'),
      );
      const aborts: boolean[] = [];
      let calls = 0;
      const stubborn: BatchHandler = async (_batch, { signal }) => {
        calls++;
        signal.addEventListener('abort', () => aborts.push(true));
        return new Promise(() => undefined);
      };
      const consumer = await consume({ handle: stubborn, stopTimeoutSeconds: 1 });
      await eventually(() => calls === 1);
      await consumer.stop();
      expect(aborts).toEqual([true]);
      expect(calls).toBe(1);
    });

    test('closing the broker stops its consumers', async () => {
      const consumer = await consume(new Inbox());
      await consumer.joined;
      await broker.close();
      await expect(consumer.finished).resolves.toBeUndefined();
      await expect(broker.publish(topic, [{ key: 'k', value: 'v' }])).rejects.toMatchObject({ name: 'PublishFailed' });
    });
  });

  describe('admin and health', () => {
    test('ensuring a topic again changes nothing, also when several do it at once', async () => {
      const specs = [{ name: `${topic}-new`, partitions: 3, config: { 'cleanup.policy': 'compact' } }];
      await Promise.all([broker, open(), open()].map((each) => each.admin.ensureTopics(specs)));
      await broker.admin.ensureTopics([{ name: `${topic}-new`, partitions: 5 }]);
      expect((await broker.admin.offsets(`${topic}-new`)).map(({ partition }) => partition)).toEqual([0, 1, 2]);
    });

    test('every connection sees the same cluster id', async () => {
      const id = await broker.admin.clusterId();
      expect(id).toMatch(/^\S+$/);
      expect(await open().admin.clusterId()).toBe(id);
    });

    test('health is live from the start and ready once the consumer has joined', async () => {
      const inbox = new Inbox();
      const consumer = await consume(inbox);
      expect(broker.health()).toMatchObject({ live: true, ready: false });
      await consumer.joined;
      expect(broker.health()).toMatchObject({ live: true, ready: true, reasons: [] });
      await broker.publish(topic, [{ key: 'k', value: 'v' }]);
      const { partition } = (await inbox.waitFor(1))[0]!;
      const own = await eventually(() =>
        consumer.health().partitions.find((each) => each.partition === partition && each.nextOffset === 1n),
      );
      expect(own).toEqual({ topic, partition, nextOffset: 1n, lag: 0n });
    });
  });
}

const rows = (topic: string, store: ReadonlyMap<number, bigint>): NextOffset[] =>
  [...store].map(([partition, nextOffset]) => ({ topic, partition, nextOffset }));

interface InboxOptions {
  readonly before?: (batch: Batch) => Promise<void>;
  readonly takeAtMost?: number;
}

/** A handler that remembers what it got. */
class Inbox {
  readonly batches: Batch[] = [];
  readonly messages: BrokerMessage[] = [];
  started: Batch | undefined;
  readonly handle: BatchHandler;

  constructor({ before, takeAtMost = Number.MAX_SAFE_INTEGER }: InboxOptions = {}) {
    this.handle = async (batch) => {
      this.started = batch;
      await before?.(batch);
      const taken = batch.messages.slice(0, takeAtMost);
      this.batches.push(batch);
      this.messages.push(...taken);
      return { nextOffset: taken.at(-1)!.offset + 1n };
    };
  }

  async waitFor(count: number): Promise<readonly BrokerMessage[]> {
    await eventually(() => this.messages.length >= count);
    return this.messages;
  }
}
