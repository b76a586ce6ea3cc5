import type { ClientBase } from 'pg';

/**
 * Bounds what is left of a job's transaction: followers of every feed of the server wait for an open write transaction. One that takes
 * longer, since the disk or the processor is busy or others hold its rows, ends with its connection; its chunk is tried again, smaller.
 */
export async function beShort(client: ClientBase): Promise<void> {
  await client.query(`SET LOCAL transaction_timeout = '1s'`);
}
