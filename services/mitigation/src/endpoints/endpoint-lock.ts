import type { ClientBase } from 'pg';

/**
 * Who hands out on an endpoint, or moves it to another agent, holds this lock until the end of its transaction. An advisory lock
 * assigns no transaction id, so an append may still be the first write.
 */
const KEY = 'hashtextextended($1, 7)';

/** Waits for the lock. */
export async function lockEndpoint(client: ClientBase, endpointId: string): Promise<void> {
  await client.query(`SELECT pg_advisory_xact_lock(${KEY})`, [endpointId]);
}

/** Takes the lock unless somebody holds it; a statement of its own, so that what is read after it has a snapshot from after it. */
export async function tryLockEndpoint(client: ClientBase, endpointId: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>({
    name: 'lock-endpoint',
    text: `SELECT pg_try_advisory_xact_lock(${KEY}) AS locked`,
    values: [endpointId],
  });
  return rows[0]?.locked === true;
}
