import pg, { type Pool, type PoolClient } from 'pg';

/** Few, so that requests which this process answers get their turn in between. */
const ROWS = 250;

/**
 * How long whoever reads may take between two pages: an open snapshot keeps dead rows of the whole database alive. The last resort of
 * Postgres: whoever hands pages to a caller has a shorter bound of its own (`cutWhenUnread`).
 */
const IDLE_SECONDS = 150;

export interface SnapshotQuery {
  /** A SELECT whose order makes the pages. */
  readonly text: string;
  readonly values?: readonly unknown[];
}

/**
 * The rows of queries, one query after the other, page after page in constant memory, all as of one moment: a read-only snapshot, which takes no
 * transaction id and so holds no feed back. A connection is kept until the end, also when the caller leaves half-way; an abort ends a
 * page that Postgres is still looking for.
 *
 * @throws whatever the signal was aborted with; the error of a query
 */
export async function* snapshotPages<Row extends object>(
  pool: Pool,
  queries: readonly SnapshotQuery[],
  signal?: AbortSignal,
): AsyncGenerator<Row[]> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const pid = await allowLong(client);
    for (const [index, { text, values = [] }] of queries.entries()) {
      await client.query(`DECLARE pages_${index} NO SCROLL CURSOR FOR ${text}`, [...values]);
      for (;;) {
        const rows = await cancelling(pool, pid, signal, async () => {
          return (await client.query<Row>(`FETCH ${ROWS} FROM pages_${index}`)).rows;
        });
        if (rows.length > 0) yield rows;
        if (rows.length < ROWS) break;
      }
    }
  } catch (error) {
    broken = error as Error;
    throw error;
  } finally {
    // Nothing was written, so there is nothing to commit.
    await client.query('ROLLBACK').catch((error: Error) => {
      broken = error;
    });
    client.release(broken);
  }
}

/** @returns the process of Postgres that the transaction runs in: asked there, since a pooler in between tells a number of its own */
async function allowLong(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pg_backend_pid() AS pid, set_config('transaction_timeout', '0', true),
       set_config('idle_in_transaction_session_timeout', '${IDLE_SECONDS}s', true)`,
  );
  return rows[0]!.pid;
}

/**
 * Cancels the statement when the signal is aborted. The cancellation may arrive late, so that its connection must not go back to others:
 * an abort is thrown also when the statement was quicker.
 */
async function cancelling<T>(
  pool: Pool,
  pid: number,
  signal: AbortSignal | undefined,
  statement: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return statement();
  signal.throwIfAborted();
  let cancelled: Promise<void> | undefined;
  const cancel = () => {
    cancelled = cancelStatement(pool, pid);
  };
  signal.addEventListener('abort', cancel);
  const [outcome] = await Promise.allSettled([statement()]);
  signal.removeEventListener('abort', cancel);
  await cancelled;
  signal.throwIfAborted();
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** On a connection beside the pool, whose own may all be taken by statements like this one. Without one the statement runs to its end. */
async function cancelStatement(pool: Pool, pid: number): Promise<void> {
  const beside = new pg.Client(pool.options);
  beside.on('error', () => {});
  try {
    await beside.connect();
    await beside.query('SELECT pg_cancel_backend($1)', [pid]);
  } catch {
    // The caller waits for the statement in any case.
  } finally {
    await beside.end().catch(() => {});
  }
}
