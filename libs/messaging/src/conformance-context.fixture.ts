import { eventually } from '@quell/testing/eventually';
import type {
  Batch,
  BatchHandler,
  Broker,
  BrokerMessage,
  ConsumeOptions,
  Consumer,
  NextOffset,
  OutgoingMessage,
} from './broker.ts';

/** What each test of the suite gets fresh: a connection, a topic of two partitions, a group. */
export interface ConformanceContext {
  readonly broker: Broker;
  readonly topic: string;
  readonly group: string;
  /** One more connection, as another process would have it; closed after the test. */
  open(): Broker;
  consume(options: Partial<ConsumeOptions> & Pick<ConsumeOptions, 'handle'>, from?: Broker): Promise<Consumer>;
}

export function numbered(count: number, key: (index: number) => string | null): OutgoingMessage[] {
  return Array.from({ length: count }, (_, index) => ({ key: key(index), value: String(index) }));
}

export function storedOffsets(topic: string, store: ReadonlyMap<number, bigint>): NextOffset[] {
  return [...store].map(([partition, nextOffset]) => ({ topic, partition, nextOffset }));
}

interface InboxOptions {
  readonly before?: (batch: Batch) => Promise<void>;
  readonly takeAtMost?: number;
}

/** A handler that remembers what it got. */
export class Inbox {
  readonly batches: Batch[] = [];
  readonly messages: BrokerMessage[] = [];
  started: Batch | undefined;
  readonly handle: BatchHandler;

  constructor({ before, takeAtMost = Number.MAX_SAFE_INTEGER }: InboxOptions = {}) {
    this.handle = async (batch) => {
      this.started = batch;
      await before?.(batch);
      const taken = batch.messages.slice(0, takeAtMost);
      this.batches.push(batch);
      this.messages.push(...taken);
      return { nextOffset: taken.at(-1)!.offset + 1n };
    };
  }

  async waitFor(count: number): Promise<readonly BrokerMessage[]> {
    await eventually(() => this.messages.length >= count);
    return this.messages;
  }
}
