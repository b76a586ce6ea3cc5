import type pg from 'pg';
import { append } from './append.ts';
import { readFeed } from './feed.ts';
import { load, loadUntil } from './load.ts';
import type { EventStore } from './store.ts';
import { inTransaction } from './transaction.ts';
import type { Upcasters } from './upcast.ts';

/** The store on Postgres behind the port, on connections of a pool. Code that writes rows of its own uses the functions directly. */
export function postgresStore(pool: pg.Pool, schema: string, upcasters: Upcasters = {}): EventStore {
  return {
    async transact(work) {
      const client = await pool.connect();
      // A transaction that exceeds its time limit loses its connection; the query in progress rejects with the reason.
      const onError = () => undefined;
      client.on('error', onError);
      try {
        const result = await inTransaction(client, () =>
          work({
            load: (streamIds) => load(client, schema, streamIds, upcasters),
            loadUntil: (streamIds, limit) => loadUntil(client, schema, streamIds, limit, upcasters),
            append: (appends) => append(client, schema, appends),
          }),
        );
        client.off('error', onError);
        client.release();
        return result;
      } catch (error) {
        // Not given back to the pool: whether the connection still lives is not worth finding out.
        client.release(true);
        throw error;
      }
    },
    feed: (after, limit) => readFeed(pool, schema, after, limit, upcasters),
  };
}
