import { randomBytes } from 'node:crypto';
import { recordOf } from '@quell/ingest/intake/record';
import { normaliseNative } from '@quell/ingest/sources/native';
import { Kafka, logLevel, type Message, Partitioners } from 'kafkajs';
import type { Contender } from '../contest.ts';
import { countCpu } from '../cpu.ts';

const BATCH = 500;
const IN_FLIGHT = 4;

/** A bare kafkajs producer of the records that the intake makes of these detections: batches of 500, 4 in flight, acks from all. */
export async function rawProducer(
  brokers: readonly string[],
  detections: readonly unknown[],
): Promise<Contender & { close(): Promise<void> }> {
  const kafka = new Kafka({ clientId: 'quell-bench-raw', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const topic = `bench-${randomBytes(6).toString('hex')}`;
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 8 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  const messages = detections.map(recordFrom);
  const batches = Array.from({ length: Math.floor(messages.length / BATCH) }, (_, index) =>
    messages.slice(index * BATCH, (index + 1) * BATCH),
  );

  async function produceFor(seconds: number): Promise<{ items: number; seconds: number }> {
    const from = performance.now();
    const until = from + seconds * 1000;
    let sent = 0;
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        while (performance.now() < until) {
          await producer.send({ topic, acks: -1, messages: batches[sent++ % batches.length]! });
        }
      }),
    );
    return { items: sent * BATCH, seconds: (performance.now() - from) / 1000 };
  }

  return {
    name: 'raw kafkajs producer',
    async measure(seconds) {
      await produceFor(0.3);
      const used = countCpu({});
      const done = await produceFor(seconds);
      return { ...done, cpu: used() };
    },
    close: () => producer.disconnect(),
  };
}

function recordFrom(detection: unknown): Message {
  const normalised = normaliseNative(detection, new Date());
  if (normalised.kind === 'refused') throw new Error(`no detection: ${JSON.stringify(normalised.errors)}`);
  const { key, value, headers } = recordOf(normalised.detection);
  return { key, value, headers: { ...headers } };
}
