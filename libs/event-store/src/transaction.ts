import type { Queryable } from './load.ts';

/**
 * Runs work in a transaction (READ COMMITTED), committed when it returns. BEGIN takes no transaction id, so an append may still be
 * the first write.
 *
 * @param onBroken told when the rollback failed: the connection is gone, and the transaction with it. Not to be used again.
 * @throws whatever the work throws, after the rollback.
 */
export async function inTransaction<T>(
  client: Queryable,
  work: () => Promise<T>,
  onBroken: (failure: Error) => void = () => undefined,
): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  try {
    const result = await work();
    const { command } = await client.query('COMMIT');
    // Postgres answers the COMMIT of an aborted transaction with ROLLBACK: work that swallowed an error must not count as done.
    if (command !== 'COMMIT')
      throw new Error('the transaction was aborted by an earlier error and has been rolled back');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(onBroken);
    throw error;
  }
}
