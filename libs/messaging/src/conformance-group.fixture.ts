import { eventually } from '@quell/testing/eventually';
import type { BatchHandler, Broker, BrokerMessage } from './broker.ts';
import { type ConformanceContext, Inbox, numbered, storedOffsets } from './conformance-context.fixture.ts';

/** Members of a group, topics, health. */
export function groupConformance(setUp: () => ConformanceContext): void {
  let broker: Broker;
  let topic: string;
  let group: string;
  let open: ConformanceContext['open'];
  let consume: ConformanceContext['consume'];

  beforeEach(() => {
    ({ broker, topic, group, open, consume } = setUp());
  });

  describe('groups', () => {
    test('members share the partitions, and what one leaves the other takes up without loss', async () => {
      const store = new Map<number, bigint>();
      const handled: BrokerMessage[] = [];
      const member = () =>
        consume(
          {
            startOffsets: async () => storedOffsets(topic, store),
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
