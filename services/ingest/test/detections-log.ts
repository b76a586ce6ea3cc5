import { type NormalisedDetection, normalisedDetection } from '@quell/contracts/detection';
import { topics } from '@quell/contracts/topics';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';

export interface Recorded {
  readonly key: string | null;
  readonly partition: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly detection: NormalisedDetection;
}

/** Everything that reaches `detections.v1` from now on. The topic must exist. */
export interface DetectionsLog {
  /** What one source has there now, in the order of each partition. */
  of(source: string): Promise<Recorded[]>;
  stop(): Promise<void>;
}

export async function watchDetections(): Promise<DetectionsLog> {
  const broker = createKafkaBroker({ brokers: testKafka().brokers, clientId: 'ingest-tests' });
  const recorded: Recorded[] = [];
  const next = new Map<number, bigint>();
  for (const { partition, high } of await broker.admin.offsets(topics.detections)) next.set(partition, high);
  const start = [...next].map(([partition, nextOffset]) => ({ topic: topics.detections, partition, nextOffset }));
  const consumer = await broker.consume({
    group: `ingest-tests-${crypto.randomUUID()}`,
    topics: [topics.detections],
    startOffsets: async (assigned) =>
      start.filter(({ partition }) => assigned.some((one) => one.partition === partition)),
    handle: async ({ partition, messages, from }) => {
      for (const { key, value, headers } of messages) {
        recorded.push({ key, partition, headers, detection: normalisedDetection.parse(JSON.parse(String(value))) });
      }
      const nextOffset = (messages.at(-1)?.offset ?? from - 1n) + 1n;
      next.set(partition, nextOffset);
      return { nextOffset };
    },
  });
  await consumer.joined;
  return {
    async of(source) {
      const ends = await broker.admin.offsets(topics.detections);
      await eventually(() => ends.every(({ partition, high }) => (next.get(partition) ?? 0n) >= high));
      return recorded.filter(({ detection }) => detection.source === source);
    },
    stop: () => broker.close(),
  };
}
