import type pg from 'pg';
import { CheckpointLost, processorName } from './checkpoint.ts';
import type { StoredEvent } from './event.ts';
import { Follower, type FollowOptions, type Step } from './follow.ts';
import { createStep, type ProcessorOptions } from './processor.ts';
import { inTransaction } from './transaction.ts';
import { isContentState, isTransient, sqlStateOf } from './transient.ts';

/** A read model kept by folding the feed into tables. No side effects outside the database: those live in reactors. */
export interface Projection {
  readonly name: string;
  /** Raised for a rebuild: the new version runs beside the old one, from the start of the feed, into tables of its own. */
  readonly version: number;
  /** The event store it follows. */
  readonly schema: string;
  /**
   * Writes what these events change, in the transaction that also moves the checkpoint: committed once, or not at all. Each stream
   * comes in order. Throwing parks the event at fault (errors of its content) or waits and tries again (all others).
   */
  handle(client: pg.ClientBase, events: readonly StoredEvent[]): Promise<void>;
}

export type ProjectionOptions = Omit<FollowOptions, 'schema' | 'processor'> &
  Pick<ProcessorOptions, 'batchSize' | 'upcasters'>;

/** Keeps a projection up to date from `start()` to `stop()`. Safe to run on every replica: one is active. */
export function projectionRunner(projection: Projection, options: ProjectionOptions): Follower {
  const processor = processorName(projection.name, projection.version);
  const { schema } = projection;
  return new Follower({ ...options, schema, processor }, projectionStep(projection, options));
}

/** One batch of a projection. @throws CheckpointLost when another process projected it first. */
export function projectionStep(
  projection: Projection,
  options: Pick<ProcessorOptions, 'batchSize' | 'upcasters' | 'onError'>,
): Step {
  const { schema } = projection;
  return createStep(
    { ...options, schema, processor: processorName(projection.name, projection.version) },
    {
      apply: (client, events, settle) =>
        inTransaction(client, async () => {
          // First, so that a zombie waits here for the one that came before it, and loses, instead of doing the work twice.
          await settle();
          await projection.handle(client as pg.ClientBase, events);
        }),
      isPoison: isContentError,
    },
  );
}

/**
 * Data that Postgres refuses, or an exception of the handler itself, which is a function of the event and of what it folded before.
 * Anything else is waited out, not blamed on every event.
 */
function isContentError(error: unknown): boolean {
  if (sqlStateOf(error) !== undefined) return isContentState(error);
  return !isTransient(error) && !(error instanceof CheckpointLost);
}
