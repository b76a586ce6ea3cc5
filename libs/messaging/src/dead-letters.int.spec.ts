import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';
import type { Broker } from './broker.ts';
import { deadLetterOf } from './dead-letter-record.ts';
import { withDeadLetters } from './dead-letters.ts';
import { createKafkaBroker } from './kafka.ts';

jest.setTimeout(30_000);

const run = randomUUID();
const topic = `poison-${run}`;
const deadLetters = `dead-letters-${run}`;
let broker: Broker;

beforeAll(async () => {
  broker = createKafkaBroker({ ...testKafka(), clientId: 'dead-letters' });
  await broker.admin.ensureTopics([
    { name: topic, partitions: 1 },
    { name: deadLetters, partitions: 1 },
  ]);
});

afterAll(() => broker.close());

test('poisonous messages end on the dead-letter topic with all they carried, everything else is handled once in order', async () => {
  const handled: string[] = [];
  const parked = new Set<string>();
  let nextOffset = 0n;
  let outages = 3;
  const handle = withDeadLetters<number>({
    service: 'test',
    decode: ({ value }) => (/^\d+$/.test(String(value)) ? { value: Number(value) } : { reason: 'not a number' }),
    classify: (error) => ((error as Error).message === 'outage' ? 'transient' : 'content'),
    parkedKeys: async (_topic, keys) => keys.filter((key) => parked.has(key)),
    publish: (records) => broker.publish(deadLetters, records),
    now: () => new Date(),
    apply: async ({ items, deadLetters: letters, nextOffset: next }) => {
      if (outages-- > 0) throw new Error('outage');
      if (items.some(({ value }) => value === 666)) throw new Error('cannot handle 666');
      handled.push(...items.map(({ message, value }) => `${message.key}:${value}`));
      for (const { message } of letters) if (message.key !== null) parked.add(message.key);
      nextOffset = next;
    },
  });
  await broker.publish(topic, [
    { key: 'a', value: '1' },
    { key: 'b', value: '666', headers: { ce_id: 'guilty', ce_source: '/test' } },
    { key: 'a', value: '2' },
    { key: 'c', value: 'text' },
    { key: 'b', value: '3' },
    { key: 'd', value: '4' },
  ]);
  await broker.consume({
    group: run,
    topics: [topic],
    handle,
    startOffsets: async () => [{ topic, partition: 0, nextOffset }],
    retrySeconds: { first: 0.05, most: 0.1 },
  });
  await eventually(() => nextOffset === 6n);
  expect(handled).toEqual(['a:1', 'a:2', 'd:4']);

  const letters: ReturnType<typeof deadLetterOf>[] = [];
  await broker.consume({
    group: `${run}-reader`,
    topics: [deadLetters],
    handle: async ({ messages }) => {
      letters.push(...messages.map(deadLetterOf));
      return { nextOffset: messages.at(-1)!.offset + 1n };
    },
  });
  const byOffset = await eventually(() => {
    const known = new Map(letters.map((letter) => [letter?.message.offset, letter]));
    return known.size === 3 && known;
  });
  expect(byOffset.get(1n)).toMatchObject({
    id: `test:${topic}:0:1`,
    kind: 'failed',
    reason: 'Error: cannot handle 666',
    message: { topic, partition: 0, key: 'b', headers: { ce_id: 'guilty', ce_source: '/test' } },
  });
  expect(String(byOffset.get(1n)?.message.value)).toBe('666');
  expect(byOffset.get(3n)).toMatchObject({ kind: 'undecodable', reason: 'not a number', message: { key: 'c' } });
  expect(byOffset.get(4n)).toMatchObject({ kind: 'parked', message: { key: 'b' } });
});
