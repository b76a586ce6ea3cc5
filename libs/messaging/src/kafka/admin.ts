import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { BrokerAdmin, TopicSpec } from '../broker.ts';
import { settledWithin } from '../settled-within.ts';
import { briefRetry, type Client } from './client.ts';

const patienceMs = 5_000;
const retryDelayMs = 100;
const disconnectTimeoutSeconds = 5;

/** The admin part of the port on one shared connection, made at the first call and made anew after a failure. */
export function createAdmin(createClient: () => Client): BrokerAdmin & { close(): Promise<void> } {
  let connection: Promise<{ admin: Admin; client: Client }> | undefined;
  let closed = false;

  async function connect(): Promise<{ admin: Admin; client: Client }> {
    const client = createClient();
    const admin = client.kafka.admin({ retry: briefRetry });
    try {
      await admin.connect();
      return { admin, client };
    } catch (error) {
      client.cut();
      throw error;
    }
  }

  /** A failed connection is replaced and the question asked again: a topic just made has no leader for a moment. */
  async function ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const giveUpMs = performance.now() + patienceMs;
    for (;;) {
      connection ??= connect();
      const mine = connection;
      try {
        return await question((await mine).admin);
      } catch (error) {
        if (isFinal(error)) throw error;
        // Its metadata may be what is wrong, so a good connection goes too.
        if (connection === mine) connection = undefined;
        void retire(mine);
        if (closed || performance.now() > giveUpMs) throw error;
        await delay(retryDelayMs);
      }
    }
  }

  async function retire(connected: Promise<{ admin: Admin; client: Client }>): Promise<void> {
    const ending = connected.then(({ admin }) => admin.disconnect());
    await settledWithin(ending, disconnectTimeoutSeconds);
    connected.then(({ client }) => client.cut()).catch(() => undefined);
  }

  async function ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await ask(async (admin) => {
      const existing = new Set(await admin.listTopics());
      const missing = topics.filter((topic) => !existing.has(topic.name));
      if (missing.length === 0) return;
      await admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(({ name, partitions, replicationFactor = -1, config = {} }) => ({
          topic: name,
          numPartitions: partitions,
          replicationFactor,
          configEntries: Object.entries(config).map(([configName, value]) => ({ name: configName, value })),
        })),
      });
    });
  }

  const offsets: BrokerAdmin['offsets'] = (topic) =>
    ask(async (admin) =>
      (await admin.fetchTopicOffsets(topic))
        .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
        .sort((a, b) => a.partition - b.partition),
    );

  return {
    ensureTopics,
    offsets,
    clusterId: () => ask(async (admin) => (await admin.describeCluster()).clusterId),
    async lag(group, topic) {
      const [ranges, committed] = await Promise.all([
        offsets(topic),
        ask((admin) => admin.fetchOffsets({ groupId: group, topics: [topic] })),
      ]);
      return ranges.map(({ partition, low, high }) => {
        const row = committed[0]?.partitions.find((candidate) => candidate.partition === partition);
        const offset = row === undefined || row.offset.startsWith('-') ? null : BigInt(row.offset);
        const behind = high - (offset ?? low);
        return { partition, committed: offset, lag: behind > 0n ? behind : 0n };
      });
    },
    async close() {
      closed = true;
      if (connection !== undefined) await retire(connection);
    },
  };
}

/** The broker understood the question, and its answer will not change. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof Error && error.name === 'KafkaJSProtocolError' && !(error as { retriable?: boolean }).retriable
  );
}
