import type { Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import pg from 'pg';

const CHANNEL = 'mitigation_work';
/** Sent at most so often: NOTIFY takes a lock of the whole cluster at COMMIT. */
const SEND_EVERY_MS = 20;
const RECONNECT_MS = 1000;

/**
 * Wakes held check-ins, on every replica, when their endpoint may have work. Only a hint: a missed one costs latency, since every hold
 * ends with a look of its own.
 */
export class Wakes {
  readonly #pool: Pool;
  readonly #url: string;
  readonly #log: Log;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #unsent = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #listener: pg.Client | undefined;
  #stopped = false;

  constructor(pool: Pool, url: string, log: Log) {
    this.#pool = pool;
    this.#url = url;
    this.#log = log;
  }

  start(): void {
    void this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#listener?.end().catch(() => {});
  }

  /** Call after COMMIT. */
  wake(endpointIds: readonly string[]): void {
    for (const endpointId of endpointIds) {
      this.#ring(endpointId);
      this.#unsent.add(endpointId);
    }
    if (this.#unsent.size > 0) this.#timer ??= setTimeout(() => void this.#send(), SEND_EVERY_MS);
  }

  /** Resolves at the endpoint's next wake, or when `signal` aborts. */
  next(endpointId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const bells = this.#waiting.get(endpointId) ?? new Set();
      this.#waiting.set(endpointId, bells);
      const done = () => {
        bells.delete(done);
        if (bells.size === 0) this.#waiting.delete(endpointId);
        signal.removeEventListener('abort', done);
        resolve();
      };
      bells.add(done);
      signal.addEventListener('abort', done);
      if (signal.aborted) done();
    });
  }

  #ring(endpointId: string): void {
    for (const bell of [...(this.#waiting.get(endpointId) ?? [])]) bell();
  }

  async #send(): Promise<void> {
    this.#timer = undefined;
    const endpointIds = [...this.#unsent];
    this.#unsent.clear();
    try {
      await this.#pool.query(`SELECT pg_notify('${CHANNEL}', e) FROM unnest($1::text[]) AS e`, [endpointIds]);
    } catch (err) {
      this.#log.debug({ err }, 'a wake was not sent');
    }
  }

  async #listen(): Promise<void> {
    while (!this.#stopped) {
      const client = new pg.Client({ connectionString: this.#url, application_name: 'mitigation-wakes' });
      const ended = new Promise<void>((resolve) => client.once('end', resolve));
      client.on('error', (err) => this.#log.debug({ err }, 'the connection for wakes ended'));
      client.on('notification', ({ payload }) => this.#ring(payload ?? ''));
      try {
        await client.connect();
        this.#listener = client;
        await client.query(`LISTEN ${CHANNEL}`);
        if (this.#stopped) await client.end();
        await ended;
      } catch (err) {
        this.#log.debug({ err }, 'wakes cannot be heard now');
        await client.end().catch(() => {});
      }
      if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    }
  }
}
