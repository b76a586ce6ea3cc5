import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { feedChannel } from './schema.ts';

export interface FollowOptions {
  /** How to reach the store. Each follower holds one connection of its own: its lock, its wake-ups and its work live and end together. */
  readonly connection: pg.ClientConfig;
  readonly schema: string;
  /** Name of the checkpoint; one follower at a time is active under it, the others stand by. */
  readonly processor: string;
  /** Longest pause between two looks at the feed; the hint of a writer wakes it earlier. Default 250. */
  readonly pollMilliseconds?: number | undefined;
  /** Longest pause after a failure, reached by doubling from 100. Default 5,000. */
  readonly retryMilliseconds?: number | undefined;
  /** Told of every failure; the follower then goes on by itself. Default: nobody is told. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Thrown by a step that must never be tried again; the follower ends. */
export class FollowerFinished extends Error {
  override readonly name = 'FollowerFinished';
}

/** One look at the feed. @returns whether something was done, so that there may be more at once. */
export type Step = (client: pg.Client) => Promise<boolean>;

/** Repeats a step for as long as it runs, through failures and lost connections, on at most one process at a time. */
export class Follower {
  readonly #options: FollowOptions;
  readonly #step: Step;
  #running: Promise<void> | undefined;
  readonly #stop = new AbortController();
  #woken = false;
  #wake: () => void = () => undefined;

  constructor(options: FollowOptions, step: Step) {
    this.#options = options;
    this.#step = step;
  }

  /** Starts in the background; a second call has no effect. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the step in progress. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { retryMilliseconds = 5000, onError = () => undefined } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#connected(() => {
          failures = 0;
        });
      } catch (error) {
        onError(error);
        if (error instanceof FollowerFinished) return;
        const pause = Math.min(retryMilliseconds, 100 * 2 ** Math.min(failures, 20));
        failures += 1;
        await delay(pause, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
  }

  async #connected(onProgress: () => void): Promise<void> {
    const { connection, schema, processor, pollMilliseconds = 250 } = this.#options;
    const client = new pg.Client({
      application_name: processor,
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      ...connection,
    });
    // The next query rejects with the reason; without a listener the process would end.
    client.on('error', () => this.#wake());
    client.on('notification', () => this.#wake());
    try {
      await client.connect();
      await client.query(`LISTEN ${pg.escapeIdentifier(feedChannel(schema))}`);
      while (!this.#stop.signal.aborted && !(await ownsLock(client, schema, processor)))
        await this.#pause(pollMilliseconds);
      let idle = 0;
      while (!this.#stop.signal.aborted) {
        if (await this.#step(client)) {
          idle = 0;
          onProgress();
        } else {
          // Soon again at first: what a hint announced may be behind the gate for some milliseconds more.
          const pause = idle < 6 ? Math.min(pollMilliseconds, 5 * 2 ** idle) : pollMilliseconds;
          idle = (await this.#pause(pause)) ? 0 : idle + 1;
          onProgress();
        }
      }
    } finally {
      // Also gives up the lock. Not waited for longer: a server that is gone does not say goodbye.
      await Promise.race([client.end().catch(() => undefined), delay(1000, undefined, { ref: false })]);
    }
  }

  /** @returns whether it was cut short by a hint. */
  async #pause(milliseconds: number): Promise<boolean> {
    if (!this.#woken && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => {
          this.#woken = true;
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const hinted = this.#woken;
    this.#woken = false;
    return hinted;
  }
}

// Held by the session, not by a transaction: it keeps no xid, so it does not hold the gate of the feed. It spares the stand-by
// useless work; what keeps two followers from both having an effect is the compare-and-set of the checkpoint.
async function ownsLock(client: pg.Client, schema: string, processor: string): Promise<boolean> {
  const { rows } = await client.query<{ owned: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS owned',
    [`${schema}.${processor}`],
  );
  return rows[0]?.owned === true;
}
