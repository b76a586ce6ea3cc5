import type { Batch, BatchContext, BatchHandler, BrokerLogger, BrokerMessage, OutgoingMessage } from './broker.ts';
import { type DeadLetter, deadLetter, deadLetterRecord } from './dead-letter-record.ts';

/**
 * What a failure of `apply` means for the batch:
 * `transient` – the outside is away: wait and try again, for ever;
 * `timeout`   – as transient, but the batch is halved first, for it may simply be too large;
 * `conflict`  – somebody else was faster: at once again with everything reloaded, then halved;
 * `content`   – the messages are at fault: halved until the guilty one is alone, which becomes a dead letter;
 * `fenced`    – the compare-and-set of the inbox lost, another member owns the partition: give up.
 */
export type FailureKind = 'transient' | 'timeout' | 'conflict' | 'content' | 'fenced';

export type Decoded<T> = { readonly value: T } | { readonly reason: string };

/** One transaction's worth of a batch. */
export interface Slice<T> {
  readonly topic: string;
  readonly partition: number;
  /** Compare-and-set the inbox from `from` to `nextOffset`. */
  readonly from: bigint;
  readonly nextOffset: bigint;
  /** To be handled, in order. May be empty. */
  readonly items: readonly { readonly message: BrokerMessage; readonly value: T }[];
  /** To be stored beside it; each one's key (when there is one, and keys are parked) stays parked until released. */
  readonly deadLetters: readonly DeadLetter[];
}

export interface DeadLetterOptions<T> {
  /** Names the consumer in its dead letters. */
  readonly service: string;
  /** Validates at the edge. A message with a `reason` becomes a dead letter without costing a transaction. */
  readonly decode: (message: BrokerMessage) => Decoded<T>;
  /**
   * ONE transaction, all or nothing: handle the items, store the dead letters, move the inbox. It must throw when the
   * compare-and-set fails (`fenced`). Where keys are parked, it must also throw (`conflict`) when the key of a `parked`
   * letter was released meanwhile.
   */
  readonly apply: (slice: Slice<T>, context: BatchContext) => Promise<void>;
  readonly classify: (error: unknown) => FailureKind;
  /** Puts records on the dead-letter topic; resolves when they are there. Runs before `apply`, so none can be lost. */
  readonly publish: (records: readonly OutgoingMessage[]) => Promise<void>;
  /**
   * Which of these keys have a dead letter that was not released: their messages follow it, so that order per key
   * holds. Absent = never park (`detections.v1`: one bad message must not blind an endpoint).
   */
  readonly parkedKeys?: (topic: string, keys: readonly string[]) => Promise<Iterable<string>>;
  readonly now: () => Date;
  readonly logger?: BrokerLogger;
  /** Tries of a slice that meets conflicts before it is halved. Default 3. */
  readonly conflictTries?: number;
}

interface Split<T> {
  readonly items: { message: BrokerMessage; value: T }[];
  readonly deadLetters: DeadLetter[];
}

/** A batch handler that never loses a message to a poisonous one and never stands still because of it. */
export function withDeadLetters<T>(options: DeadLetterOptions<T>): BatchHandler {
  const { service, now, conflictTries = 3 } = options;

  /** Sorts messages into work and dead letters; `guilty` is one that failed when it was alone. */
  async function split(messages: readonly BrokerMessage[], guilty?: Guilty): Promise<Split<T>> {
    const parked = await parkedAmong(messages);
    const items: Split<T>['items'] = [];
    const deadLetters: DeadLetter[] = [];
    for (const message of messages) {
      const cause = causeOfDeath(message, parked, guilty);
      if ('value' in cause) {
        items.push({ message, value: cause.value });
        continue;
      }
      deadLetters.push(deadLetter(service, message, cause, now()));
      if (options.parkedKeys !== undefined && message.key !== null) parked.add(message.key);
    }
    return { items, deadLetters };
  }

  function causeOfDeath(message: BrokerMessage, parked: ReadonlySet<string>, guilty: Guilty | undefined) {
    if (message.key !== null && parked.has(message.key)) {
      return { kind: 'parked', reason: `an earlier message of key ${message.key} is a dead letter` } as const;
    }
    if (message.offset === guilty?.offset) return { kind: 'failed', reason: guilty.reason } as const;
    const decoded = options.decode(message);
    return 'value' in decoded ? decoded : ({ kind: 'undecodable', reason: decoded.reason } as const);
  }

  async function parkedAmong(messages: readonly BrokerMessage[]): Promise<Set<string>> {
    if (options.parkedKeys === undefined) return new Set();
    const keys = new Set<string>();
    for (const { key } of messages) if (key !== null) keys.add(key);
    const topic = messages[0]?.topic;
    return topic === undefined || keys.size === 0 ? new Set() : new Set(await options.parkedKeys(topic, [...keys]));
  }

  async function announce(letters: readonly DeadLetter[], announced: Set<string>): Promise<void> {
    const fresh = letters.filter((letter) => !announced.has(letter.id));
    if (fresh.length === 0) return;
    await options.publish(fresh.map(deadLetterRecord));
    for (const letter of fresh) {
      announced.add(letter.id);
      const { topic, partition, offset } = letter.message;
      const where = { topic, partition, offset: String(offset), kind: letter.kind, reason: letter.reason };
      options.logger?.warn(where, 'message became a dead letter');
    }
  }

  /** Applies one slice; tells how to go on when that did not work, or throws to wait and try later. */
  async function attempt(work: Work, batch: Batch, context: BatchContext, announced: Set<string>): Promise<Outcome> {
    for (let conflicts = 0; ; ) {
      const parts = await split(work.messages, work.guilty);
      await announce(parts.deadLetters, announced);
      const { topic, partition } = batch;
      try {
        await options.apply({ topic, partition, from: work.from, nextOffset: work.nextOffset, ...parts }, context);
        return 'done';
      } catch (error) {
        const kind = options.classify(error);
        const alone = work.messages.length === 1;
        const culprit = parts.items.length === 1 ? parts.items[0]?.message : undefined;
        if (kind === 'conflict' && ++conflicts < conflictTries && !context.signal.aborted) continue;
        if (kind === 'content' && culprit !== undefined) return { offset: culprit.offset, reason: reasonOf(error) };
        if ((kind === 'content' || kind === 'conflict' || kind === 'timeout') && !alone) return 'halve';
        throw error;
      }
    }
  }

  return async (batch, context) => {
    const last = batch.messages.at(-1);
    if (last === undefined) return { nextOffset: batch.from };
    const announced = new Set<string>();
    const todo: Work[] = [{ from: batch.from, nextOffset: last.offset + 1n, messages: batch.messages }];
    let reached = batch.from;
    for (let work = todo.pop(); work !== undefined && !context.signal.aborted; work = todo.pop()) {
      let outcome: Outcome;
      try {
        outcome = await attempt(work, batch, context, announced);
      } catch (error) {
        // What is done is done: report it, and let the rest come again; only a try without any progress is a failure.
        if (reached > batch.from && options.classify(error) !== 'fenced') return { nextOffset: reached };
        throw error;
      }
      if (outcome === 'done') reached = work.nextOffset;
      else if (outcome === 'halve') todo.push(...halves(work).reverse());
      else todo.push({ ...work, guilty: outcome });
    }
    return { nextOffset: reached };
  };
}

interface Guilty {
  readonly offset: bigint;
  readonly reason: string;
}

interface Work {
  readonly from: bigint;
  readonly nextOffset: bigint;
  readonly messages: readonly BrokerMessage[];
  readonly guilty?: Guilty;
}

type Outcome = 'done' | 'halve' | Guilty;

function halves({ from, nextOffset, messages }: Work): [Work, Work] {
  const middle = messages.length >> 1;
  const second = messages[middle]?.offset ?? nextOffset;
  return [
    { from, nextOffset: second, messages: messages.slice(0, middle) },
    { from: second, nextOffset, messages: messages.slice(middle) },
  ];
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
