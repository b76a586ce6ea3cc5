import type { Broker, BrokerLogger, Consumer } from './broker.ts';
import { createAdmin } from './kafka/admin.ts';
import { createClient } from './kafka/client.ts';
import { startConsumer } from './kafka/consumer.ts';
import { Publisher } from './kafka/publisher.ts';

export interface KafkaBrokerOptions {
  /** `host:port` of one or more brokers. */
  readonly brokers: readonly string[];
  /** Names this process in the broker's logs and quotas. */
  readonly clientId: string;
  /** Default: silent. */
  readonly logger?: BrokerLogger;
  /** `publish` settles within it. Default 15. */
  readonly publishTimeoutSeconds?: number;
  /** Above it `publish` refuses with `BrokerBusy`. Default 64 MiB. */
  readonly maxPendingBytes?: number;
  /** Most messages in one request. Default 1000. */
  readonly maxPublishBatch?: number;
}

const silent: BrokerLogger = { debug() {}, info() {}, warn() {}, error() {} };
const mebibyte = 1024 * 1024;

/** Kafka behind the port. Connects when first used; a broker that is away is waited for. */
export function createKafkaBroker(options: KafkaBrokerOptions): Broker {
  const { brokers, clientId, logger = silent } = options;
  if (brokers.length === 0) throw new RangeError('brokers must name at least one host:port');
  const newClient = () => createClient({ brokers, clientId, logger });
  const admin = createAdmin(newClient);
  const publisher = new Publisher(newClient, {
    maxBatchMessages: options.maxPublishBatch ?? 1000,
    maxBatchBytes: mebibyte - 64 * 1024,
    maxPendingBytes: options.maxPendingBytes ?? 64 * mebibyte,
    publishTimeoutSeconds: options.publishTimeoutSeconds ?? 15,
  });
  const consumers = new Set<Consumer>();

  return {
    admin,
    publish: (topic, messages) => publisher.publish(topic, messages),
    publishing: () => publisher.load,
    async consume(consumeOptions) {
      const started = startConsumer({ createClient: newClient, admin, logger }, consumeOptions);
      const consumer: Consumer = {
        ...started,
        async stop() {
          await started.stop();
          consumers.delete(consumer);
        },
      };
      consumers.add(consumer);
      return consumer;
    },
    health() {
      const states = [...consumers].map((consumer) => consumer.health());
      const dead = states.flatMap(({ group, reason }) => (reason === undefined ? [] : [`${group}: ${reason}`]));
      const waiting = states.flatMap(({ group, live, ready }) => (live && !ready ? [`${group}: joining`] : []));
      const trouble = publisher.trouble === undefined ? [] : [`publish: ${publisher.trouble}`];
      const reasons = [...dead, ...waiting, ...trouble];
      return { live: dead.length === 0, ready: reasons.length === 0, reasons, consumers: states };
    },
    async close() {
      await Promise.all([...consumers].map((consumer) => consumer.stop()));
      await publisher.close();
      await admin.close();
    },
  };
}
