import { processorName } from './checkpoint.ts';
import type { StoredEvent } from './event.ts';
import { Follower, type FollowOptions } from './follow.ts';
import { createStep, type ProcessorOptions } from './processor.ts';
import { inTransaction } from './transaction.ts';

/** Where the feed is published to. */
export interface Relay {
  readonly name: string;
  /** Raised to publish everything again from the start. */
  readonly version: number;
  readonly schema: string;
  /** Resolves when every event is durable at the receiver, in this order per stream. It picks and maps what may leave the store. */
  publish(events: readonly StoredEvent[]): Promise<void>;
  /** Whether a failure to publish lies in an event, which is then parked. Default: never, so every failure is waited out. */
  isPoison?(error: unknown): boolean;
}

export type RelayOptions = Omit<FollowOptions, 'schema' | 'processor'> &
  Pick<ProcessorOptions, 'batchSize' | 'upcasters'>;

/**
 * Publishes the feed from `start()` to `stop()`, in order, at least once: what was published just before a crash is published again,
 * and receivers drop what they know by event id. One process is active per store and name. No transaction is open while it
 * publishes, for that would hold the gate of the feed.
 */
export function relayRunner(relay: Relay, options: RelayOptions): Follower {
  const { schema } = relay;
  const processor = processorName(relay.name, relay.version);
  const step = createStep(
    { ...options, schema, processor },
    {
      apply: async (client, events, settle) => {
        await relay.publish(events);
        await inTransaction(client, settle);
      },
      isPoison: (error) => relay.isPoison?.(error) ?? false,
    },
  );
  return new Follower({ ...options, schema, processor }, step);
}
