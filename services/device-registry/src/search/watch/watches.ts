import { setImmediate as turn } from 'node:timers/promises';
import type { DeviceQuery } from '@quell/contracts/device-query';
import type { DeviceRecord } from '@quell/contracts/device-record';
import { compileQuery } from '@quell/device-query/match';
import { compareCursors, type FeedCursor } from '@quell/event-store/feed';
import type { Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import { positionText } from '../../device-store/position.ts';
import type { FollowedEvent } from '../live/followed-events.ts';
import type { LiveIndex } from '../live/live-index.ts';
import type { EventStream } from './event-stream.ts';
import { replayed, whyNotResumable } from './replay.ts';
import { watchEvent } from './watch-event.ts';

export interface WatchesOptions {
  readonly live: LiveIndex;
  /** For replays. */
  readonly pool: Pool;
  readonly log: Log;
  /** So many at once on this replica. */
  readonly most: number;
  readonly heartbeatSeconds: number;
  /** A watch that resumes further back than so many events is reset. */
  readonly replayEvents: number;
  /** So many events may wait to be looked at, or behind a replay; with more the streams end, and their clients resume. */
  readonly waitingEvents: number;
}

export interface WatchRequest {
  readonly stream: EventStream;
  readonly query: DeviceQuery;
  /** Told up to here before. */
  readonly resumeAfter: FeedCursor | undefined;
  /** How many devices the query finds now, in the turn of the event loop of the call. */
  readonly count: number;
  /** Asked with every heartbeat: a credential may end before the stream does. */
  readonly mayStay: () => Promise<boolean>;
}

interface Watch {
  readonly stream: EventStream;
  readonly matches: (device: DeviceRecord) => boolean;
  readonly mayStay: () => Promise<boolean>;
  /** Told up to here. */
  at: FeedCursor;
  /** What came while the past is replayed; undefined once it follows. */
  held: FollowedEvent[] | undefined;
}

const SLICE_MS = 4;

/** All open watches of this replica: each event of the feed is looked at once for each of them. */
export class Watches {
  readonly #options: WatchesOptions;
  readonly #watches = new Set<Watch>();
  readonly #queue: FollowedEvent[] = [];
  readonly #heartbeat: NodeJS.Timeout;
  readonly #stopListening: () => void;
  /** Every event up to here has been told, as far as watches are not behind for themselves. */
  #told: FeedCursor | undefined;
  #telling = false;
  #closed = false;

  constructor(options: WatchesOptions) {
    this.#options = options;
    this.#stopListening = options.live.onEvents((events) => this.#take(events));
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatSeconds * 1000);
    this.#heartbeat.unref();
  }

  get count(): number {
    return this.#watches.size;
  }

  get full(): boolean {
    return this.#closed || this.#watches.size >= this.#options.most;
  }

  /**
   * Tells a stream, which has begun, of the devices that enter, change in and leave the query, until its client goes. Resolves when it
   * follows.
   */
  async open({ stream, query, resumeAfter, count, mayStay }: WatchRequest): Promise<void> {
    const current = this.#options.live.current();
    if (current === undefined) throw new Error('a watch was opened before the index was there');
    const watch: Watch = { stream, matches: compileQuery(query), mayStay, at: current.position, held: [] };
    this.#watches.add(watch);
    stream.onClose(() => this.#watches.delete(watch));
    try {
      await this.#catchUp(watch, resumeAfter, count);
    } catch (error) {
      this.#watches.delete(watch);
      stream.cut();
      throw error;
    }
  }

  /** Ends every stream; clients come again and resume. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#stopListening();
    this.#endAll();
  }

  async #catchUp(watch: Watch, resumeAfter: FeedCursor | undefined, count: number): Promise<void> {
    const { pool, replayEvents } = this.#options;
    const { stream, at: here } = watch;
    const why = resumeAfter && (await whyNotResumable(pool, resumeAfter, here, replayEvents));
    const position = positionText(here);
    if (why !== undefined) {
      const cure =
        'Take the devices of the query anew (GET /v1/devices): a snapshot of where this watch goes on from follows.';
      stream.send('reset', position, JSON.stringify({ position, reason: why, cure }));
    }
    if (resumeAfter === undefined || why !== undefined) {
      stream.send('snapshot', position, JSON.stringify({ position, count }));
    } else if (compareCursors(resumeAfter, here) > 0) {
      // It comes from a replica that was ahead of this one: what it knows already will pass here.
      watch.at = resumeAfter;
    } else {
      for await (const events of replayed(pool, resumeAfter, here)) {
        for (const event of events) tell(watch, event);
        await stream.drained();
        if (!stream.open) return;
      }
    }
    const held = watch.held ?? [];
    watch.held = undefined;
    for (const event of held) this.#tellNew(watch, event);
  }

  #take(events: readonly FollowedEvent[]): void {
    if (this.#watches.size === 0) {
      this.#told = events.at(-1)?.at;
      return;
    }
    if (this.#queue.length + events.length > this.#options.waitingEvents) {
      this.#options.log.warn({ watches: this.#watches.size }, 'watches could not keep up and were ended');
      this.#queue.length = 0;
      this.#endAll();
      return;
    }
    this.#queue.push(...events);
    if (!this.#telling) void this.#tellQueued();
  }

  async #tellQueued(): Promise<void> {
    this.#telling = true;
    let began = performance.now();
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      for (const watch of this.#watches) {
        if (watch.held === undefined) this.#tellNew(watch, event);
        else if (watch.held.push(event) > this.#options.waitingEvents) watch.stream.cut();
      }
      this.#told = event.at;
      if (performance.now() - began < SLICE_MS) continue;
      // Searches come first.
      await turn();
      began = performance.now();
    }
    this.#telling = false;
  }

  #tellNew(watch: Watch, event: FollowedEvent): void {
    if (compareCursors(event.at, watch.at) <= 0) return;
    watch.at = event.at;
    tell(watch, event);
  }

  #beat(): void {
    for (const { stream, held, at, mayStay } of this.#watches) {
      mayStay().then(
        (stays) => stays || stream.end(),
        // Whoever cannot be judged now is asked again with the next heartbeat.
        () => undefined,
      );
      if (held !== undefined) stream.beat(undefined);
      else stream.beat(positionText(this.#told !== undefined && compareCursors(this.#told, at) > 0 ? this.#told : at));
    }
  }

  #endAll(): void {
    for (const { stream } of this.#watches) stream.end();
    this.#watches.clear();
  }
}

function tell({ stream, matches }: Watch, event: FollowedEvent): void {
  const told = watchEvent(matches, event);
  if (told !== undefined) stream.send(told.name, told.data.position, JSON.stringify(told.data));
}
