import pg from 'pg';
import { feedChannel } from './schema.ts';

export interface NotifierOptions {
  readonly connection: pg.ClientConfig;
  readonly schema: string;
  /** Least time between two hints of this process. Default 20. */
  readonly intervalMilliseconds?: number;
}

export interface Notifier {
  /** Call after COMMIT. Returns at once; never fails. */
  notify(): void;
  /** Sends what is pending and ends the connection. */
  close(): Promise<void>;
}

/**
 * Hints to followers that the feed grew. On a connection of its own: a NOTIFY inside the writers' transactions makes their commits
 * wait for one lock of the whole cluster. Hints may be lost (followers poll as well), so failures are dropped.
 */
export function createNotifier({ connection, schema, intervalMilliseconds = 20 }: NotifierOptions): Notifier {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();
  let pending = false;
  let closed = false;

  async function send(): Promise<void> {
    try {
      client ??= await connect();
      await client.query('SELECT pg_notify($1, $2)', [feedChannel(schema), '']);
    } catch {
      await client?.end().catch(() => undefined);
      client = undefined;
    }
  }

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client({ application_name: `notify ${schema}`, ...connection });
    fresh.on('error', () => {
      client = undefined;
    });
    await fresh.connect();
    return fresh;
  }

  // The first hint goes out at once; those that follow within the interval become one at its end.
  function flush(): void {
    timer = undefined;
    if (!pending) return;
    pending = false;
    sending = sending.then(send);
    timer = setTimeout(flush, intervalMilliseconds);
    timer.unref();
  }

  return {
    notify() {
      if (closed) return;
      pending = true;
      if (timer === undefined) flush();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      if (pending) sending = sending.then(send);
      await sending;
      await client?.end().catch(() => undefined);
    },
  };
}
