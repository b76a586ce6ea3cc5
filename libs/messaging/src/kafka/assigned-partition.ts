import type { TopicPartition } from '../broker.ts';
import type { PartitionProgress } from '../consumer-health.ts';

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}[${partition}]`;
}

/** One partition from the moment the group gives it to us until the group takes it back. */
export class AssignedPartition implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** False while its stored offset is being read or a failed batch waits: nothing may be handled. */
  ready = false;
  /** What the store says; undefined before it was read. */
  nextOffset: bigint | undefined;
  /** Every offset below was fetched: at `nextOffset`, or behind it where the log has nothing for us. */
  coveredTo = 0n;
  /** The offset we have gone back to because a fetch began above it. Once is enough: then the hole is real. */
  wentBackTo: bigint | undefined;
  high: bigint | undefined;
  failures = 0;
  lastFailure: string | undefined;
  sinceMs: number;
  readonly #knownOffset: bigint | undefined;
  #batch: AbortController | undefined;
  #retry: NodeJS.Timeout | undefined;

  /** @param before The same partition in an earlier assignment: a rebalance is not progress. */
  constructor({ topic, partition }: TopicPartition, nowMs: number, before?: AssignedPartition) {
    this.topic = topic;
    this.partition = partition;
    this.sinceMs = before?.sinceMs ?? nowMs;
    this.failures = before?.failures ?? 0;
    this.lastFailure = before?.lastFailure;
    this.#knownOffset = before === undefined ? undefined : (before.nextOffset ?? before.#knownOffset);
  }

  /** The store has been read: go on from there. */
  startAt(nextOffset: bigint, nowMs: number): void {
    if (nextOffset !== (this.nextOffset ?? this.#knownOffset)) this.sinceMs = nowMs;
    this.nextOffset = nextOffset;
    this.coveredTo = nextOffset;
    this.ready = true;
  }

  moveTo(nextOffset: bigint, nowMs: number): void {
    if (nextOffset === this.nextOffset) return;
    this.nextOffset = nextOffset;
    this.failures = 0;
    this.lastFailure = undefined;
    this.sinceMs = nowMs;
  }

  sawEnd(high: bigint, nowMs: number): void {
    this.high = high;
    if (this.nextOffset !== undefined && high <= this.#end) this.sinceMs = nowMs;
  }

  /** A signal for the batch that begins now. */
  begin(): AbortController {
    this.#batch = new AbortController();
    return this.#batch;
  }

  retryIn(milliseconds: number, retry: () => void): void {
    this.ready = false;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(retry, milliseconds);
  }

  /** No longer ours, or the consumer stops. */
  release(): void {
    this.ready = false;
    clearTimeout(this.#retry);
    this.#batch?.abort();
  }

  progress(held: boolean): PartitionProgress {
    const { topic, partition, high, sinceMs, lastFailure } = this;
    const nextOffset = this.nextOffset === undefined ? undefined : this.#end;
    return { topic, partition, nextOffset, high, sinceMs, held, lastFailure };
  }

  get #end(): bigint {
    const { nextOffset = 0n, coveredTo } = this;
    if (nextOffset < coveredTo) return coveredTo;
    return nextOffset;
  }
}
