import { randomUUID } from 'node:crypto';
import { type FeedCursor, readFeed } from '@quell/event-store/feed';
import { Follower } from '@quell/event-store/follow';
import type { Log } from '@quell/service-kit/log';
import type pg from 'pg';
import { SCHEMA } from '../../database/schema.ts';
import { Folding, type FollowedEvent } from './followed-events.ts';
import { lastSeenOf } from './last-seen.ts';

export interface FollowingOptions {
  readonly connectionString: string;
  readonly log: Log;
  /** After which event to read on. */
  readonly position: () => FeedCursor;
  /** Takes a batch in, all at once; `lastSeen` has the devices that were not there before. */
  readonly take: (events: readonly FollowedEvent[], lastSeen: ReadonlyMap<string, number>) => void;
}

/** Small, since searches wait while a batch is taken in. */
const EVENTS_AT_ONCE = 200;

/**
 * Follows the feed without a checkpoint: every replica reads all of it. Writers' hints wake it, polling is what it relies on.
 */
export class Following {
  readonly #follower: Follower;
  /** When everything that the feed shows was known here, in milliseconds. */
  #knownAllAt: number | undefined;
  #newestAt = 0;

  constructor({ connectionString, log, position, take }: FollowingOptions) {
    const folding = new Folding();
    const step = async (client: pg.Client): Promise<boolean> => {
      const asked = Date.now();
      const events = await readFeed(client, SCHEMA, position(), EVENTS_AT_ONCE);
      if (events.length > 0) {
        const followed = await folding.fold(client, events);
        const come = followed.filter(({ before, after }) => before === undefined && after !== undefined);
        take(
          followed,
          await lastSeenOf(
            client,
            come.map(({ deviceId }) => deviceId),
          ),
        );
        this.#newestAt = Math.max(this.#newestAt, events.at(-1)?.recordedAt.getTime() ?? 0);
      }
      if (events.length < EVENTS_AT_ONCE) this.#knownAllAt = asked;
      return events.length > 0;
    };
    this.#follower = new Follower(
      {
        connection: { connectionString },
        schema: SCHEMA,
        // Nobody shares it, so nobody stands by.
        processor: `device_index_${randomUUID()}`,
        onError: (err) => log.warn({ err }, 'the search index could not follow the feed'),
      },
      step,
    );
  }

  start(): void {
    this.#follower.start();
  }

  stop(): Promise<void> {
    return this.#follower.stop();
  }

  /** Whether the end of the feed was reached once. */
  get caughtUp(): boolean {
    return this.#knownAllAt !== undefined;
  }

  /** How old the news is. While a long import is followed: the age of the newest event that was taken in. */
  lagSeconds(): number {
    return Math.max(0, Date.now() - Math.max(this.#knownAllAt ?? 0, this.#newestAt)) / 1000;
  }
}
