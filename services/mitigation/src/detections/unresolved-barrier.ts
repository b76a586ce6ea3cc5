import { inTransaction } from '@quell/service-kit/transaction';
import type { ClientBase, Pool } from 'pg';

/**
 * Between those who find no endpoint for a detection and those who decide such detections again: without it a detection that was
 * matched before an agent enrolled, and stored after the unresolved ones were read, would stay unresolved for good. Advisory locks
 * assign no transaction id, so an append may still be the first write.
 */
const KEY = `hashtextextended('mitigation unresolved detections', 7)`;

/** Stands before the match of a batch, as a statement of its own: what is read after it sees what was committed before it. */
export async function beginTaking(client: ClientBase): Promise<void> {
  await client.query({ name: 'begin-taking', text: `SELECT pg_advisory_xact_lock_shared(${KEY})` });
}

/** Waits for every batch that may have been matched before now; a batch that begins later sees what is committed now. */
export async function awaitEarlierBatches(pool: Pool): Promise<void> {
  await inTransaction(pool, (client) => client.query(`SELECT pg_advisory_xact_lock(${KEY})`));
}
