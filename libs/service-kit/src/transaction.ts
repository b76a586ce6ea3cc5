import { inTransaction as inTransactionOf } from '@quell/event-store/transaction';
import type { Pool, PoolClient } from 'pg';

/**
 * Runs `work` in one transaction on a connection of the pool: COMMIT when it resolves, ROLLBACK when it rejects. A connection whose
 * ROLLBACK fails is not used again.
 *
 * @throws whatever the work throws; an Error when the work swallowed a failure that had aborted its transaction
 */
export async function inTransaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    return await inTransactionOf(
      client,
      () => work(client),
      (failure) => {
        broken = failure;
      },
    );
  } finally {
    client.release(broken);
  }
}
