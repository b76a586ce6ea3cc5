import type { ClientBase, Pool } from 'pg';

/** How long a repeat with another body is refused. A repeat with the same body answers the same task for ever: its id follows from the key. */
export const IDEMPOTENCY_KEY_DAYS = 7;

const ROUTE = 'POST /v1/tasks';

/** The SHA-256 of the body that came with the key, or undefined. */
export async function bodyOfKey(client: ClientBase, key: string): Promise<string | undefined> {
  const { rows } = await client.query<{ request_sha256: string }>(
    'SELECT request_sha256 FROM mitigation.idempotency_key WHERE key = $1 AND route = $2',
    [key, ROUTE],
  );
  return rows[0]?.request_sha256;
}

export async function keepKey(client: ClientBase, key: string, bodySha256: string): Promise<void> {
  await client.query('INSERT INTO mitigation.idempotency_key (key, route, request_sha256) VALUES ($1, $2, $3)', [
    key,
    ROUTE,
    bodySha256,
  ]);
}

/** Deletes keys that came more than {@link IDEMPOTENCY_KEY_DAYS} before `now`; returns how many. */
export async function pruneIdempotencyKeys(pool: Pool, now: Date): Promise<number> {
  const { rowCount } = await pool.query(
    'DELETE FROM mitigation.idempotency_key WHERE created_at < $1::timestamptz - make_interval(days => $2)',
    [now, IDEMPOTENCY_KEY_DAYS],
  );
  return rowCount ?? 0;
}
