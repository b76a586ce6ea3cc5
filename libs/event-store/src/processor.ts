import { type Checkpoint, CheckpointLost, loadCheckpoint, moveCheckpoint } from './checkpoint.ts';
import type { StoredEvent } from './event.ts';
import { type FeedCursor, readFeed } from './feed.ts';
import { FollowerFinished, type Step } from './follow.ts';
import type { Queryable } from './load.ts';
import { nextRetry, park, parkedStreams, retryFailed, unpark } from './parked.ts';
import { inTransaction } from './transaction.ts';
import { isTimeout } from './transient.ts';
import { type Upcasters, upcast } from './upcast.ts';

export interface ProcessorOptions {
  readonly schema: string;
  /** Name of the checkpoint. */
  readonly processor: string;
  /** Most events per step. Default 500. */
  readonly batchSize?: number | undefined;
  readonly upcasters?: Upcasters | undefined;
  /** Told of a batch that failed on its content, before it is tried in halves, and of an event that is parked. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * How events take effect. `settle` records in the store that they are done (it moves the checkpoint): a projection settles in the
 * transaction of its effect, a relay after its effect.
 *
 * @throws CheckpointLost out of `settle` when another process was first.
 */
export interface Effect {
  apply(client: Queryable, events: readonly StoredEvent[], settle: () => Promise<void>): Promise<void>;
  /** Whether this failure lies in the content of an event. Any other is waited out and tried again for ever. */
  isPoison(error: unknown): boolean;
}

/**
 * Makes the step of a follower: takes the events after the checkpoint, in feed order. A batch that fails on its content is tried in
 * halves; the one event that fails alone is parked, and the later events of its stream are parked behind it, so that every stream
 * keeps its order and the other streams go on. Parked events are taken again, in order, when an operator asks (`requestRetry`).
 */
export function createStep(options: ProcessorOptions, effect: Effect): Step {
  const { schema, processor, batchSize = 500, upcasters = {}, onError = () => undefined } = options;
  let checkpoint: Checkpoint | undefined;
  let limit = batchSize;

  async function take(
    client: Queryable,
    from: Checkpoint,
    events: readonly StoredEvent[],
    to: FeedCursor,
  ): Promise<void> {
    const parked = from.hasParked ? await parkedStreams(client, schema, processor, events) : new Set<string>();
    const free = parked.size === 0 ? events : events.filter(({ streamId }) => !parked.has(streamId));
    const held = parked.size === 0 ? [] : events.filter(({ streamId }) => parked.has(streamId));
    const settle = async () => {
      await moveCheckpoint(client, schema, processor, from, to);
      if (held.length > 0) await park(client, schema, processor, held);
    };
    if (free.length === 0) await inTransaction(client, settle);
    else
      await effect.apply(
        client,
        free.map((event) => upcast(event, upcasters)),
        settle,
      );
  }

  async function takeNextRetry(client: Queryable): Promise<boolean> {
    const event = await nextRetry(client, schema, processor);
    if (!event) return false;
    try {
      await effect.apply(client, [upcast(event, upcasters)], async () => {
        if (!(await unpark(client, schema, processor, event)))
          throw new CheckpointLost(`${event.id} is not parked any more`);
      });
    } catch (error) {
      if (!effect.isPoison(error)) throw error;
      onError(error);
      await retryFailed(client, schema, processor, event, error);
    }
    return true;
  }

  return async (client) => {
    try {
      checkpoint ??= await loadCheckpoint(client, schema, processor);
      if (checkpoint.retired) throw new FollowerFinished(`${processor} is retired: a newer version took over`);
      if (checkpoint.hasParked && (await takeNextRetry(client))) return true;
      const from = checkpoint;
      const events = await readFeed(client, schema, from, limit);
      const last = events.at(-1);
      if (!last) return false;
      const to = { ...from, txid: last.txid, position: last.position };
      try {
        await take(client, from, events, to);
        checkpoint = to;
        limit = Math.min(batchSize, limit * 2);
      } catch (error) {
        if (isTimeout(error)) limit = Math.max(1, events.length >> 1);
        if (!effect.isPoison(error)) throw error;
        onError(error);
        if (events.length > 1) limit = events.length >> 1;
        else {
          await inTransaction(client, async () => {
            await moveCheckpoint(client, schema, processor, from, to);
            await park(client, schema, processor, events, error);
          });
          checkpoint = { ...to, hasParked: true };
        }
      }
      return true;
    } catch (error) {
      // Whoever was first, or whether a COMMIT got through before the connection broke: the store knows.
      checkpoint = undefined;
      throw error;
    }
  };
}
