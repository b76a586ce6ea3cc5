import { eventually } from '@quell/testing/eventually';
import type { BatchHandler, Broker } from './broker.ts';
import { type ConformanceContext, Inbox, numbered, storedOffsets } from './conformance-context.fixture.ts';

/** How batches come, and how consumption ends. */
export function consumeConformance(setUp: () => ConformanceContext): void {
  let broker: Broker;
  let topic: string;
  let group: string;
  let consume: ConformanceContext['consume'];

  beforeEach(() => {
    ({ broker, topic, group, consume } = setUp());
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
      await consume({ handle, startOffsets: async () => storedOffsets(topic, stored) });
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
}
