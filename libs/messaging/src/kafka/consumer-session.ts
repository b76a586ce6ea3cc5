import { setTimeout as delay } from 'node:timers/promises';
import type { EachBatchPayload, Consumer as KafkajsConsumer } from 'kafkajs';
import type { BrokerAdmin, BrokerLogger } from '../broker.ts';
import { LogMismatch } from '../broker-errors.ts';
import { settledWithin } from '../settled-within.ts';
import { AssignedPartition, keyOf } from './assigned-partition.ts';
import { handleBatch } from './batch-run.ts';
import { type Client, consumerRetry } from './client.ts';
import type { ConsumeSettings } from './consume-settings.ts';
import { startOffsetsOf } from './start-offsets.ts';

export interface SessionContext {
  readonly settings: ConsumeSettings;
  readonly client: Client;
  readonly admin: BrokerAdmin;
  readonly logger: BrokerLogger;
  /** Keys of the partitions their user has paused. */
  readonly held: ReadonlySet<string>;
  /** The partitions of the session before this one, for what they know about progress. */
  readonly before: ReadonlyMap<string, AssignedPartition>;
  /** Of the first session. */
  readonly cluster: { id?: string };
  readonly onReady: () => void;
}

const rebalanceTimeoutMs = 30_000;
const looksBeforeRefusal = 3;

/**
 * The life of one kafkajs consumer, from connecting to its crash. kafkajs may not restart it: it would do so after a
 * stop too (kafkajs#1593), and not at all after errors it thinks are final. The supervisor begins a new session instead.
 */
export class ConsumerSession {
  /** Resolves with the reason why this session is over; never after `stop()`. */
  readonly crashed: Promise<Error>;
  #assigned: Map<string, AssignedPartition>;
  readonly #ending = new AbortController();
  readonly #cut = new AbortController();
  readonly #context: SessionContext;
  readonly #consumer: KafkajsConsumer;
  #crash: (error: Error) => void = () => undefined;

  constructor(context: SessionContext) {
    const { settings, client } = context;
    this.#context = context;
    this.#assigned = new Map(context.before);
    this.crashed = new Promise((resolve) => {
      this.#crash = resolve;
    });
    this.#consumer = client.kafka.consumer({
      groupId: settings.group,
      sessionTimeout: settings.sessionTimeoutSeconds * 1000,
      heartbeatInterval: (settings.sessionTimeoutSeconds * 1000) / 3,
      rebalanceTimeout: rebalanceTimeoutMs,
      maxWaitTimeInMs: settings.pollSeconds * 1000,
      allowAutoTopicCreation: false,
      retry: { ...consumerRetry, restartOnFailure: async () => false },
    });
  }

  get #over(): boolean {
    return this.#ending.signal.aborted;
  }

  get partitions(): ReadonlyMap<string, AssignedPartition> {
    return this.#assigned;
  }

  async start(): Promise<void> {
    const { settings } = this.#context;
    const consumer = this.#consumer;
    consumer.on(consumer.events.CRASH, ({ payload }) => this.#end(payload.error));
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => this.#assign(payload.memberAssignment));
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [...settings.topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: settings.partitionsConcurrently,
        eachBatch: (payload) => this.#eachBatch(payload),
      });
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Resolves within `stopTimeoutSeconds`; the handler is not called again from the moment of the call. */
  async stop(): Promise<void> {
    this.#ending.abort();
    for (const partition of this.#assigned.values()) partition.release();
    const { settings, client, logger } = this.#context;
    const clean = await settledWithin(this.#consumer.disconnect(), settings.stopTimeoutSeconds);
    if (!clean) logger.warn({ group: settings.group }, 'consumer did not stop in time, its connections were cut');
    this.#cut.abort();
    client.cut();
  }

  /** Applies what `held` says about the partition. */
  hold(key: string): void {
    const partition = this.#assigned.get(key);
    try {
      if (!this.#over && partition?.ready) this.#gate(partition);
    } catch {
      // kafkajs is crashing and does not say so yet: the next session will look at `held`.
    }
  }

  #end(error: Error): void {
    if (this.#over) return;
    this.#ending.abort();
    for (const partition of this.#assigned.values()) partition.release();
    this.#crash(error);
  }

  #isOurs(partition: AssignedPartition): boolean {
    return !this.#over && this.#assigned.get(keyOf(partition)) === partition;
  }

  /** Runs inside kafkajs's join, before anything is fetched for the new assignment: pausing here is in time. */
  #assign(assignment: Record<string, number[]>): void {
    if (this.#over) return;
    const before = this.#assigned;
    for (const partition of before.values()) partition.release();
    const assigned = Object.entries(assignment).flatMap(([topic, ids]) =>
      ids.map((partition) => ({ topic, partition })),
    );
    const now = performance.now();
    this.#assigned = new Map(
      assigned.map((each) => [keyOf(each), new AssignedPartition(each, now, before.get(keyOf(each)))]),
    );
    const partitions = [...this.#assigned.values()];
    for (const partition of partitions)
      this.#consumer.pause([{ topic: partition.topic, partitions: [partition.partition] }]);
    void this.#load(partitions);
  }

  /** Reads the stored offsets, as often as it takes, and lets the partitions go on from there. */
  async #load(partitions: readonly AssignedPartition[]): Promise<void> {
    const { settings, logger } = this.#context;
    let mismatches = 0;
    for (let failures = 0; ; failures++) {
      const ours = partitions.filter((partition) => this.#isOurs(partition));
      if (this.#over) return;
      try {
        const positions = await startOffsetsOf(this.#context, ours);
        if (this.#over) return;
        for (const { nextOffset, ...where } of positions) {
          const partition = ours.find((candidate) => keyOf(candidate) === keyOf(where));
          if (partition === undefined || !this.#isOurs(partition)) continue;
          partition.startAt(nextOffset, performance.now());
          this.#consumer.seek({ ...where, offset: String(nextOffset) });
          this.#gate(partition);
        }
        if ([...this.#assigned.values()].every(({ nextOffset }) => nextOffset !== undefined)) this.#context.onReady();
        return;
      } catch (error) {
        // Refusing ends the process, so look again: a broker that has just started may not know its end yet.
        if (error instanceof LogMismatch && ++mismatches === looksBeforeRefusal) return this.#end(error);
        for (const partition of ours) partition.lastFailure = messageOf(error);
        logger.warn({ err: error, group: settings.group }, 'the stored offsets could not be read, trying again');
        await delay(retryDelayMs(settings, failures + 1), undefined, { signal: this.#ending.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { settings } = this.#context;
    const partition = this.#assigned.get(keyOf(payload.batch));
    // What is not resolved is fetched again, so returning early loses nothing.
    if (this.#over || !partition?.ready || payload.isStale() || !payload.isRunning()) return;
    const outcome = await handleBatch({
      settings,
      payload,
      partition,
      isOurs: () => this.#isOurs(partition),
      cut: this.#cut.signal,
    });
    if (this.#isOurs(partition)) {
      if (outcome.kind === 'failed') this.#retryLater(partition, outcome.error);
      if (outcome.kind === 'astray') this.#retryLater(partition);
      if (outcome.kind === 'partial') {
        const { topic, nextOffset } = partition;
        this.#consumer.seek({ topic, partition: partition.partition, offset: String(nextOffset) });
      }
    }
    // kafkajs joins the group again when it sees the error of the heartbeat.
    if (outcome.lost !== undefined) throw outcome.lost;
  }

  /** The batch comes again from the stored offset; the other partitions go on meanwhile. */
  #retryLater(partition: AssignedPartition, error?: unknown): void {
    const { settings, logger } = this.#context;
    const { topic, nextOffset } = partition;
    this.#consumer.pause([{ topic, partitions: [partition.partition] }]);
    let delayMs = 0;
    if (error !== undefined) {
      partition.failures++;
      partition.lastFailure = messageOf(error);
      delayMs = retryDelayMs(settings, partition.failures);
      const where = { group: settings.group, topic, partition: partition.partition, nextOffset: String(nextOffset) };
      logger.warn(
        { err: error, ...where, delayMs, failures: partition.failures },
        'batch failed, it will be tried again',
      );
    }
    partition.retryIn(delayMs, () => void this.#load([partition]));
  }

  #gate(partition: AssignedPartition): void {
    const topicPartitions = [{ topic: partition.topic, partitions: [partition.partition] }];
    if (this.#context.held.has(keyOf(partition))) this.#consumer.pause(topicPartitions);
    else this.#consumer.resume(topicPartitions);
  }
}

/** Doubles with every failure; spread by a fifth so that many do not come back at once. */
function retryDelayMs({ retrySeconds }: ConsumeSettings, failures: number): number {
  const seconds = Math.min(retrySeconds.most, retrySeconds.first * 2 ** (failures - 1));
  return seconds * 1000 * (0.8 + Math.random() * 0.4);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
