/** The port: everything the services know about the message broker. Adapters pass the suite in `conformance.ts`. */

export interface BrokerMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | null;
  /** `null` is a tombstone on a compacted topic. */
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestamp: Date;
}

export interface OutgoingMessage {
  /** Messages of one topic and key keep their order; `null` lets the broker spread them. */
  readonly key: string | null;
  readonly value: Buffer | string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Where a partition goes on: the offset of the first message that was not handled yet. */
export interface NextOffset extends TopicPartition {
  readonly nextOffset: bigint;
}

export interface Batch extends TopicPartition {
  /** The stored next offset that this batch continues: the old value of the handler's compare-and-set. */
  readonly from: bigint;
  /** Ascending offsets, the first at or above `from` (above it only where the log has a hole), never empty. */
  readonly messages: readonly BrokerMessage[];
  /** Offset behind the last message the broker had when the batch was read. */
  readonly highWatermark: bigint;
}

export interface BatchContext {
  /**
   * Aborts when the consumer stops or the partition is being given away. Stop waiting then and return what is done;
   * a transaction that is already running may finish, its compare-and-set decides who was right.
   */
  readonly signal: AbortSignal;
  /** Keeps the membership while a long computation blocks the timer that normally does it. Never throws. */
  heartbeat(): Promise<void>;
  /** True when another member may already own the partition. */
  isStale(): boolean;
}

/**
 * Handles one batch and returns the next offset it stored: `from` when nothing was done, at most the last offset + 1.
 * A throw means "not now": the partition pauses with growing delays, its stored offset is read again, and it goes on
 * from there, for ever. Other partitions go on meanwhile.
 */
export type BatchHandler = (batch: Batch, context: BatchContext) => Promise<{ nextOffset: bigint }>;

export interface ConsumeOptions {
  readonly group: string;
  readonly topics: readonly string[];
  readonly handle: BatchHandler;
  /**
   * The offsets in the handler's own store; a partition without one starts at the beginning of its log, whatever the
   * broker has committed for the group. Without this function the broker's committed offsets are the store.
   */
  readonly startOffsets?: (assigned: readonly TopicPartition[]) => Promise<readonly NextOffset[]>;
  /** Partitions handled at the same time, each one batch after the other. Default 2: four were not faster on Postgres. */
  readonly partitionsConcurrently?: number;
  /** Most messages in one call of `handle`. Default 500. */
  readonly maxBatch?: number;
  /** How long the broker may hold an empty read open; also the latest a resumed partition is noticed. Default 0.25. */
  readonly pollSeconds?: number;
  /** Silence after which the broker gives the partitions to others. Default 6, the least that brokers accept. */
  readonly sessionTimeoutSeconds?: number;
  /** No progress for so long while messages wait turns `health()` false. Default 60. */
  readonly stallAfterSeconds?: number;
  /** First and greatest delay before a failed batch is tried again. Default 0.1 and 30. */
  readonly retrySeconds?: { readonly first: number; readonly most: number };
  /** How long `stop()` waits for a handler and for the broker before it cuts the connections. Default 10. */
  readonly stopTimeoutSeconds?: number;
}

export interface PartitionHealth extends TopicPartition {
  /** Absent until the stored offset was read. */
  readonly nextOffset?: bigint;
  /** Messages that wait, as of the last look at the broker. */
  readonly lag?: bigint;
}

export interface ConsumerHealth {
  readonly group: string;
  /** False: a restart of the process is the best that can be done now. Turns true again when the consumer recovers. */
  readonly live: boolean;
  /** The group was joined and every assigned partition knew its offset; a rebalance does not take it back. */
  readonly ready: boolean;
  /** Why `live` is false. */
  readonly reason?: string;
  readonly partitions: readonly PartitionHealth[];
}

export interface Consumer {
  /** Resolves at the first assignment whose offsets are known; rejects when consumption is refused or was stopped before. */
  readonly joined: Promise<void>;
  /** Resolves after `stop()`. Rejects with `LogMismatch` when it would be wrong to go on: end the process with its message. */
  readonly finished: Promise<void>;
  health(): ConsumerHealth;
  /** Fetches nothing more from the partition until `resume`, across rebalances too. */
  pause(partition: TopicPartition): void;
  resume(partition: TopicPartition): void;
  /** Ends consumption. Once it resolves the handler is not called again, and within `stopTimeoutSeconds` it resolves. */
  stop(): Promise<void>;
}

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** Default: the broker's. */
  readonly replicationFactor?: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface BrokerAdmin {
  /** Creates the topics that are missing. One that exists is left as it is: other partition counts would move its keys. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  clusterId(): Promise<string>;
  /** `low` is the first offset still there, `high` the one the next message gets. */
  offsets(topic: string): Promise<{ partition: number; low: bigint; high: bigint }[]>;
  /** What the broker has committed for the group; `committed` is null where it never committed (lag counts from `low`). */
  lag(group: string, topic: string): Promise<{ partition: number; committed: bigint | null; lag: bigint }[]>;
}

export interface BrokerHealth {
  /** Every consumer is live. */
  readonly live: boolean;
  /** Live, every consumer ready, and the last publish did not fail. */
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly consumers: readonly ConsumerHealth[];
}

export interface Broker {
  /**
   * Resolves only after every in-sync replica has every message. At least once: after a rejection with
   * `PublishFailed.transient` the messages may still be there. Order per key holds for publishes that were awaited, and
   * for those that were not as long as none of them fails.
   * @throws PublishFailed, BrokerBusy
   */
  publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void>;
  /** What `publish` has taken and not yet settled: a server may refuse early when it grows. */
  publishing(): { messages: number; bytes: number };
  /** Starts a consumer and returns at once; a broker that is away is waited for. */
  consume(options: ConsumeOptions): Promise<Consumer>;
  readonly admin: BrokerAdmin;
  health(): BrokerHealth;
  /** Stops all consumers, waits for running publishes (bounded), disconnects. */
  close(): Promise<void>;
}

/** Shaped like pino, so that a pino logger fits. */
export interface BrokerLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
