import { setTimeout as delay } from 'node:timers/promises';
import { type Message, Partitioners, type Producer } from 'kafkajs';
import { PublishFailed } from '../broker-errors.ts';
import { settledWithin } from '../settled-within.ts';
import { briefRetry, type Client, requestTimeoutMs } from './client.ts';

/** One record on its way; `settled` turns true when its publish gave up, the record is then dropped if unsent. */
export interface Parcel {
  readonly topic: string;
  readonly message: Message;
  readonly bytes: number;
  readonly job: Job;
}

export interface Job {
  readonly settled: boolean;
  /** Being tried again because of this. */
  delayedBy(obstacle: string): void;
  arrived(): void;
  failed(error: PublishFailed): void;
}

export interface DeliveryLimits {
  readonly maxBatchMessages: number;
  /** Of one request. A broker judges `max.message.bytes` (1 MiB) by the batch, so it stays below. */
  readonly maxBatchBytes: number;
  /** `publish` settles within it, whatever the broker does. */
  readonly publishTimeoutSeconds: number;
}

const retryDelayMs = 200;
const closeTimeoutSeconds = 5;

/**
 * One idempotent producer with ONE batch on its way at a time. Two would break kafkajs 2.2.4: when a batch fails it
 * takes its sequence numbers back, the next batch gets the same ones, and a broker that had stored the first after all
 * acknowledges the second as a repeat without storing it. For the same reason a producer that failed is thrown away.
 * While a batch is on its way the next one gathers, so batches grow with the load and who is alone is sent at once.
 * Two or four producers side by side cost more CPU a message and were not faster (README).
 */
export class Delivery {
  readonly #createClient: () => Client;
  readonly #limits: DeliveryLimits;
  #pending: Parcel[] = [];
  #sending = false;
  #connection: Promise<{ producer: Producer; client: Client }> | undefined;

  constructor(createClient: () => Client, limits: DeliveryLimits) {
    this.#createClient = createClient;
    this.#limits = limits;
  }

  push(parcel: Parcel): void {
    this.#pending.push(parcel);
    if (this.#sending) return;
    this.#sending = true;
    // At the end of this turn of the event loop: what is published in the same turn travels together.
    setImmediate(() => void this.#run());
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    await settledWithin(
      connection.then(({ producer }) => producer.disconnect()),
      closeTimeoutSeconds,
    );
    connection.then(({ client }) => client.cut()).catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (this.#pending.length > 0) await this.#deliver(this.#take());
    this.#sending = false;
  }

  #take(): Parcel[] {
    const { maxBatchMessages, maxBatchBytes } = this.#limits;
    let count = 0;
    for (let bytes = 0; count < this.#pending.length && count < maxBatchMessages; count++) {
      bytes += this.#pending[count]!.bytes;
      if (count > 0 && bytes > maxBatchBytes) break;
    }
    return this.#pending.splice(0, count);
  }

  /** Until every parcel is there, refused, or given up by its publish. The rest waits meanwhile: order per key. */
  async #deliver(parcels: Parcel[]): Promise<void> {
    for (let open = unsettled(parcels); open.length > 0; open = unsettled(open)) {
      try {
        await this.#send(open);
        for (const { job } of open) job.arrived();
        return;
      } catch (error) {
        this.#discardProducer();
        const refusal = refusalIn(error);
        if (refusal === undefined) {
          for (const { job } of open) job.delayedBy(messageOf(error));
          await delay(retryDelayMs);
          continue;
        }
        const transient = refusal === unknownTopic;
        const failure = new PublishFailed(`the broker refused: ${messageOf(error)}`, { transient, cause: error });
        const jobs = new Set(open.map(({ job }) => job));
        if (jobs.size > 1) {
          // Publishes share a batch by accident: only the one that is at fault may fail.
          for (const job of jobs) await this.#deliver(open.filter((parcel) => parcel.job === job));
        } else {
          for (const job of jobs) job.failed(failure);
        }
        return;
      }
    }
  }

  async #send(parcels: readonly Parcel[]): Promise<void> {
    const byTopic = new Map<string, Message[]>();
    for (const { topic, message } of parcels) {
      const messages = byTopic.get(topic);
      if (messages === undefined) byTopic.set(topic, [message]);
      else messages.push(message);
    }
    this.#connection ??= this.#connect();
    const { producer } = await this.#connection;
    const sent = producer.sendBatch({
      acks: -1,
      timeout: requestTimeoutMs,
      topicMessages: Array.from(byTopic, ([topic, messages]) => ({ topic, messages })),
    });
    // By then every publish in the batch has given up; kafkajs would go on for five request timeouts.
    if (!(await settledWithin(sent, this.#limits.publishTimeoutSeconds))) throw new Error('the broker does not answer');
    await sent;
  }

  async #connect(): Promise<{ producer: Producer; client: Client }> {
    const client = this.#createClient();
    const producer = client.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: briefRetry,
      createPartitioner: rememberingPartitioner,
    });
    try {
      await producer.connect();
      return { producer, client };
    } catch (error) {
      client.cut();
      throw error;
    }
  }

  #discardProducer(): void {
    this.#connection?.then(({ client }) => client.cut()).catch(() => undefined);
    this.#connection = undefined;
  }
}

/** A message that is tried again goes to the partition of its first try: only there does the broker know it. */
function rememberingPartitioner(): ReturnType<typeof Partitioners.DefaultPartitioner> {
  const choose = Partitioners.DefaultPartitioner();
  return (args) => {
    args.message.partition ??= choose(args);
    return args.message.partition;
  };
}

function unsettled(parcels: readonly Parcel[]): Parcel[] {
  return parcels.filter(({ job }) => !job.settled);
}

/** May pass (a broker that starts, a topic just made), but one missing topic must not hold up all the others. */
const unknownTopic = 'UNKNOWN_TOPIC_OR_PARTITION';

/** Answers that do not change when the same records are sent again. */
const refusals: ReadonlySet<string> = new Set([
  unknownTopic,
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
]);

/** kafkajs wraps the broker's answer in errors about its retries. */
function refusalIn(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { type } = error as { type?: unknown };
  return typeof type === 'string' && refusals.has(type) ? type : refusalIn(error.cause);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
