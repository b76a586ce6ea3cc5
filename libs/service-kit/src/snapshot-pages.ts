import type { Pool } from 'pg';

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
 * transaction id and so holds no feed back. A connection is kept until the end, also when the caller leaves half-way.
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
    await client.query(
      `SET LOCAL transaction_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '${IDLE_SECONDS}s'`,
    );
    for (const [index, { text, values = [] }] of queries.entries()) {
      await client.query(`DECLARE pages_${index} NO SCROLL CURSOR FOR ${text}`, [...values]);
      for (;;) {
        signal?.throwIfAborted();
        const { rows } = await client.query<Row>(`FETCH ${ROWS} FROM pages_${index}`);
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
