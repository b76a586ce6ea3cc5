import { setTimeout } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { unavailable } from './problem-error.ts';
import { inTransaction } from './transaction.ts';

const LONGEST_BACKOFF_MS = 100;

/**
 * Runs `work` in a transaction, again from its beginning when it met a conflict, after a short random pause: who met once would meet
 * again.
 *
 * @param isConflict whether the same work may succeed at once: somebody else was faster, a deadlock was ended
 * @param work `met`: what the try before met; undefined for the first
 * @throws ProblemError 503 after `tries` of them in a row, with what was met last as its cause
 */
export async function retryingOn<T>(
  isConflict: (error: unknown) => boolean,
  pool: Pool,
  work: (client: PoolClient, met?: unknown) => Promise<T>,
  tries = 8,
): Promise<T> {
  let met: unknown;
  for (let tried = 1; ; tried++) {
    try {
      return await inTransaction(pool, (client) => work(client, met));
    } catch (cause) {
      if (!isConflict(cause)) throw cause;
      if (tried >= tries) throw Object.assign(unavailable('Others are changing the same. Try again.', 1), { cause });
      met = cause;
      await setTimeout(Math.random() * Math.min(LONGEST_BACKOFF_MS, 5 * 2 ** tried));
    }
  }
}
