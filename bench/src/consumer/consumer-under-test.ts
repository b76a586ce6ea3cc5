import { randomBytes } from 'node:crypto';
import { topicSpec, topics } from '@quell/contracts/topics';
import type { Broker, Consumer, TopicPartition } from '@quell/messaging/broker';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { startDetectionConsumer } from '@quell/mitigation/detections/consumer';
import { defaultPolicy } from '@quell/mitigation/policy/policy';
import { PolicyStore } from '@quell/mitigation/policy/policy-store';
import { createLog } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import type { Contender, Measured } from '../contest.ts';
import { countCpu } from '../cpu.ts';
import { recordFor, type Stream } from '../detections.ts';
import type { Servers } from '../servers.ts';

const { partitions } = topicSpec(topics.detections);
const GIVE_UP_SECONDS = 120;

/** Sees each batch that the handler took. */
interface Tap {
  begins(): void;
  took(messages: number): void;
}

/**
 * The service's own consumer on real Kafka and Postgres, on a topic and in a group of its own. A repetition publishes detections while
 * the consumer is paused, and takes the time from its first batch to its last; CPU is counted from the moment it may fetch.
 */
export async function consumerUnderTest(
  name: string,
  { servers, pool, stream, stored }: { servers: Servers; pool: Pool; stream: Stream; stored: number },
): Promise<Contender & { close(): Promise<void> }> {
  const brokers = await servers.kafka();
  const log = createLog('bench', 'silent');
  const broker = createKafkaBroker({ brokers, clientId: 'quell-bench', logger: log });
  const topic = `bench-${randomBytes(6).toString('hex')}`;
  await broker.admin.ensureTopics([{ name: topic, partitions }]);
  let tap: Tap | undefined;
  const consumer = await startDetectionConsumer({
    pool,
    broker: tapped(broker, topic, () => tap),
    policies: new PolicyStore(pool, defaultPolicy()),
    log,
    onTaskChange: () => {},
  });
  consumer.finished.catch(() => {});
  await consumer.joined;
  const everywhere = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  let perSecond = await warmUp();

  async function warmUp(): Promise<number> {
    await take(5000);
    const { items, seconds } = await take(3000);
    return items / seconds;
  }

  async function take(count: number): Promise<Measured> {
    for (const partition of everywhere) consumer.pause(partition);
    await publish(broker, topic, stream, count);
    let taken = 0;
    let from = 0;
    const done = Promise.withResolvers<number>();
    tap = {
      begins() {
        if (from === 0) from = performance.now();
      },
      took(messages) {
        taken += messages;
        if (taken >= count) done.resolve(performance.now());
      },
    };
    const used = countCpu({ postgresPid: servers.postgresPid });
    for (const partition of everywhere) consumer.resume(partition);
    const until = await Promise.race([done.promise, givenUp(consumer, everywhere)]);
    const measured = { items: count, seconds: (until - from) / 1000, cpu: used() };
    await requireAllTaken(pool, stored + stream.opened);
    return measured;
  }

  return {
    name,
    async measure(seconds) {
      const measured = await take(Math.max(2000, Math.round(perSecond * seconds)));
      perSecond = measured.items / measured.seconds;
      return measured;
    },
    async close() {
      await consumer.stop();
      await broker.close();
    },
  };
}

/** The broker with another topic and group in place of the service's, and an ear at the handler. */
function tapped(broker: Broker, topic: string, tap: () => Tap | undefined): Broker {
  return {
    ...broker,
    consume: (options) =>
      broker.consume({
        ...options,
        group: topic,
        topics: [topic],
        handle: async (batch, context) => {
          tap()?.begins();
          const done = await options.handle(batch, context);
          tap()?.took(Number(done.nextOffset - batch.from));
          return done;
        },
      }),
  };
}

async function publish(broker: Broker, topic: string, stream: Stream, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 5000) {
    await broker.publish(topic, stream.next(Math.min(left, 5000)).map(recordFor));
  }
}

async function givenUp(consumer: Consumer, partitions: readonly TopicPartition[]): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, GIVE_UP_SECONDS * 1000).unref());
  const { reason } = consumer.health();
  throw new Error(
    `${partitions.length} partitions were not taken within ${GIVE_UP_SECONDS} s: ${reason ?? 'no reason given'}`,
  );
}

/** A figure means something only when every detection went to a task, and each threat to one. */
async function requireAllTaken(pool: Pool, due: number): Promise<void> {
  const { rows } = await pool.query<{ lost: string; tasks: string; dead: string }>(
    `SELECT (SELECT count(*) FROM mitigation.detection WHERE disposition <> 'task') AS lost,
       (SELECT count(*) FROM mitigation.open_task) AS tasks,
       (SELECT count(*) FROM mitigation.dead_letter) AS dead`,
  );
  const { lost, tasks, dead } = rows[0]!;
  if (Number(lost) > 0 || Number(dead) > 0 || Number(tasks) !== due) {
    throw new Error(`${lost} detections without a task, ${dead} dead letters, ${tasks} tasks where ${due} were due`);
  }
}
