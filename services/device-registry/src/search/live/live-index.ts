import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { compareCursors, type FeedCursor, feedStart } from '@quell/event-store/feed';
import type { Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import { positionText } from '../../device-store/position.ts';
import { DeviceIndex } from '../index/device-index.ts';
import { type BuiltBase, buildBase } from './build-base.ts';
import type { FollowedEvent } from './followed-events.ts';
import { Following } from './following.ts';
import { followSeen } from './following-seen.ts';
import { changesOf, type PlacedChange } from './index-changes.ts';
import type { DeviceSeen } from './last-seen.ts';
import { PositionWaits } from './position-waits.ts';

export interface LiveIndexOptions {
  /** The service's own role; the follower and the thread that builds have connections of their own. */
  readonly connectionString: string;
  readonly pool: Pool;
  readonly log: Log;
  /** So many changed devices beside the base lead to a new base. */
  readonly rebuildAt: number;
  /** Longest time without a new base, in seconds: each new one is also the comparison with Postgres. */
  readonly rebuildSeconds: number;
  /** Not ready when further behind the feed than this, in seconds. */
  readonly maxLagSeconds: number;
  /** Pause between two looks at the times of last contact, in seconds. */
  readonly seenPollSeconds: number;
}

/** What a search works on: the index, and the place in the feed that it shows. */
export interface Current {
  readonly index: DeviceIndex;
  readonly position: FeedCursor;
}

/** What happened while the next base was built, to be done to it as well. */
type Missed =
  | { readonly kind: 'changes'; readonly changes: readonly PlacedChange[] }
  | { readonly kind: 'seen'; readonly seen: readonly DeviceSeen[] };

/** Told of every batch of events, after the index shows it. */
export type EventsListener = (events: readonly FollowedEvent[]) => void;

const LONGEST_RETRY_MS = 30_000;

/**
 * The index of this replica: built from a snapshot, then following the feed. Holds nothing that outlives the process. One swap of a
 * reference puts a new base into use; no search waits for it.
 */
export class LiveIndex {
  readonly #options: LiveIndexOptions;
  readonly #following: Following;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<EventsListener>();
  readonly #waits = new PositionWaits();
  #index: DeviceIndex | undefined;
  #position = feedStart;
  #missed: Missed[] | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #seenFollowed: Promise<unknown> = Promise.resolve();
  #progress = 'not started';
  #builtAt = 0;
  #diverged = 0;
  #built: { readonly seconds: number; readonly count: number } = { seconds: 0, count: 0 };

  constructor(options: LiveIndexOptions) {
    this.#options = options;
    const { connectionString, log } = options;
    this.#following = new Following({
      connectionString,
      log,
      position: () => this.#position,
      take: (events, seen) => this.#take(events, seen),
    });
  }

  /** Starts in the background. */
  start(): void {
    this.#work = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#following.stop();
    await this.#work;
    await this.#seenFollowed;
  }

  /** Undefined until the index has caught up with the feed for the first time. */
  current(): Current | undefined {
    return this.#index !== undefined && this.#following.caughtUp
      ? { index: this.#index, position: this.#position }
      : undefined;
  }

  /** A readiness check: why searches should go elsewhere, nothing when they may come. */
  unready(): string | undefined {
    if (this.#index === undefined) return `the search index is being built: ${this.#progress}`;
    if (!this.#following.caughtUp) return `the search index catches up: ${positionText(this.#position)}`;
    const seconds = this.#following.lagSeconds();
    return seconds > this.#options.maxLagSeconds ? `the search index is ${Math.round(seconds)} s behind` : undefined;
  }

  /** Resolves with whether the index shows this position, at once or within so many milliseconds. */
  async reached(position: FeedCursor, withinMs: number): Promise<boolean> {
    if (compareCursors(this.#position, position) >= 0) return true;
    if (withinMs <= 0) return false;
    return this.#waits.wait(position, withinMs);
  }

  /** @returns a function that ends it */
  onEvents(listener: EventsListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Figures for metrics. */
  figures() {
    return {
      index: this.#index,
      position: this.#position,
      lagSeconds: this.#following.lagSeconds(),
      rebuildSeconds: this.#built.seconds,
      rebuilds: this.#built.count,
      diverged: this.#diverged,
    };
  }

  #take(events: readonly FollowedEvent[], seen: ReadonlyMap<string, number>): void {
    const index = this.#index;
    const last = events.at(-1);
    if (index === undefined || last === undefined) return;
    const changes = changesOf(events, seen);
    index.apply(changes.map(({ change }) => change));
    this.#missed?.push({ kind: 'changes', changes });
    this.#position = last.at;
    for (const listener of this.#listeners) listener(events);
    this.#waits.reached(this.#position);
  }

  /** Builds the first base, then a new one whenever there is reason to. */
  async #run(): Promise<void> {
    const { log } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#build();
        failures = 0;
      } catch (err) {
        this.#missed = undefined;
        if (this.#stop.signal.aborted) return;
        failures += 1;
        log.warn({ err }, 'the search index could not be built');
        await this.#pause(Math.min(LONGEST_RETRY_MS, 500 * 2 ** Math.min(failures, 10)));
        continue;
      }
      while (!this.#stop.signal.aborted && !this.#isDue()) await this.#pause(100);
    }
  }

  #isDue(): boolean {
    const { rebuildAt, rebuildSeconds } = this.#options;
    const seconds = (performance.now() - this.#builtAt) / 1000;
    const changes = this.#index?.changes ?? 0;
    // Building takes a processor, which searches need more, unless so much changed that they have to look through all of that.
    const rested = seconds >= this.#built.seconds || changes >= 4 * rebuildAt;
    return seconds >= rebuildSeconds || (rested && changes >= rebuildAt);
  }

  async #build(): Promise<void> {
    const { connectionString, log } = this.#options;
    this.#missed = [];
    const built = await buildBase({
      connectionString,
      signal: this.#stop.signal,
      onProgress: (devices, estimate) => {
        this.#progress = `${devices} of about ${Math.max(devices, estimate)} devices read`;
      },
    });
    const next = new DeviceIndex(built.segment);
    // What people typed lately, before the next one types it.
    for (const _ of next.warmUp(this.#index?.recentQueries)) await turn();
    if (this.#index === undefined) this.#begin(next, built);
    else await this.#swap(next, built);
    this.#missed = undefined;
    this.#builtAt = performance.now();
    this.#built = { seconds: built.seconds, count: this.#built.count + 1 };
    const { devices, hash } = next.counts();
    log.info(
      { position: positionText(this.#position), devices, hash, seconds: built.seconds },
      'the search index was built',
    );
  }

  #begin(index: DeviceIndex, { position, seen }: BuiltBase): void {
    this.#index = index;
    this.#position = position;
    this.#following.start();
    const { pool, log, seenPollSeconds: pollSeconds } = this.#options;
    const take = (taken: readonly DeviceSeen[]) => this.#takeSeen(taken);
    this.#seenFollowed = followSeen(seen, { pool, log, pollSeconds, take }, this.#stop.signal);
  }

  /** Brings the next base to where this one is, a little at a time, and puts it in its place in one go. */
  async #swap(next: DeviceIndex, { position: from }: BuiltBase): Promise<void> {
    const missed = this.#missed ?? [];
    let done = 0;
    while (!this.#stop.signal.aborted) {
      // The snapshot may be ahead of what was followed here: events up to it are in it already.
      if (done === missed.length && compareCursors(this.#position, from) >= 0) break;
      const one = missed[done];
      if (one === undefined) {
        await this.#pause(5);
        continue;
      }
      done += 1;
      if (one.kind === 'seen') next.seen(one.seen);
      else {
        const newer = one.changes.filter(({ at }) => compareCursors(at, from) > 0);
        next.apply(newer.map(({ change }) => change));
      }
      await turn();
    }
    const before = this.#index;
    this.#index = next;
    if (before !== undefined) this.#compare(before, next);
  }

  /** Both show the same position, the new one straight from Postgres: they have to hold the same versions of the same devices. */
  #compare(before: DeviceIndex, next: DeviceIndex): void {
    const [was, is] = [before.counts(), next.counts()];
    if (was.devices === is.devices && was.hash === is.hash) return;
    this.#diverged += 1;
    const position = positionText(this.#position);
    this.#options.log.error(
      { position, was, is },
      'the search index had diverged from Postgres; the new one is in use',
    );
  }

  #takeSeen(seen: readonly DeviceSeen[]): void {
    this.#index?.seen(seen);
    this.#missed?.push({ kind: 'seen', seen });
  }

  async #pause(milliseconds: number): Promise<void> {
    await delay(milliseconds, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}
