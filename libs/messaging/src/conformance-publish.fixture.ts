import type { Broker } from './broker.ts';
import { type ConformanceContext, Inbox, numbered } from './conformance-context.fixture.ts';

/** What publishing promises, where consumption starts. */
export function publishConformance(setUp: () => ConformanceContext): void {
  let broker: Broker;
  let topic: string;
  let open: ConformanceContext['open'];
  let consume: ConformanceContext['consume'];

  beforeEach(() => {
    ({ broker, topic, open, consume } = setUp());
  });

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
}
