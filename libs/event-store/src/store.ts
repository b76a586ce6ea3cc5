import type { AppendResult, StreamAppend } from './append.ts';
import type { StoredEvent } from './event.ts';
import type { FeedCursor } from './feed.ts';
import type { LoadLimit } from './load.ts';

/** One transaction of an event store. Load, decide, append; append comes first among its writes and is called once. */
export interface StoreTransaction {
  load(streamIds: readonly string[]): Promise<Map<string, StoredEvent[]>>;
  loadUntil(streamIds: readonly string[], limit: LoadLimit): Promise<Map<string, StoredEvent[]>>;
  append(appends: readonly StreamAppend[]): Promise<AppendResult>;
}

/** The port of the event store. `conformance.ts` says what every adapter must do. */
export interface EventStore {
  /**
   * Runs work in a transaction, committed when it returns.
   *
   * @throws whatever the work throws, and an Error when an append in it was refused: nothing of it is stored then.
   */
  transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T>;
  /** The events after a place, in feed order, none of which can still be preceded by an event that commits later. */
  feed(after: FeedCursor, limit: number): Promise<StoredEvent[]>;
}
