import type { ClientBase } from 'pg';

/**
 * Between those who match agents to devices and those who change devices: an agent's device must not be registered by both. Advisory
 * locks assign no transaction id, so an append may still be the first write. Each is a statement of its own, so that what is read
 * after it sees what was committed before it.
 */
const KEY = `hashtextextended('device_registry matching', 7)`;

/** Held by every writer until the end of its transaction. */
export async function shareMatching(client: ClientBase): Promise<void> {
  await client.query({ name: 'share-matching', text: `SELECT pg_advisory_xact_lock_shared(${KEY})` });
}

/** Waits until nobody else changes devices, and keeps them from it until the end of the transaction. */
export async function beginMatching(client: ClientBase): Promise<void> {
  await client.query({ name: 'begin-matching', text: `SELECT pg_advisory_xact_lock(${KEY})` });
}
