import type { Pool, PoolClient } from 'pg';

/**
 * Runs `work` in one transaction: COMMIT when it resolves, ROLLBACK when it rejects. A connection whose ROLLBACK
 * fails is not used again. BEGIN takes no transaction id, so an append may still be the first write.
 */
export async function inTransaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
