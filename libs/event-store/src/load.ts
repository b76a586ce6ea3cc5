import type pg from 'pg';
import { uuidArray } from './array-parameters.ts';
import type { StoredEvent } from './event.ts';
import { quoted } from './schema.ts';
import { selectEvents } from './stored-event.ts';
import { type Upcasters, upcast } from './upcast.ts';

/** A client, or a pool where one statement is enough. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/**
 * Reads whole streams as one snapshot; in READ COMMITTED also what committed since the transaction began.
 *
 * @returns for every id asked its events by version, none for a stream that does not exist.
 * @throws TypeError when an id is not a lower-case UUID.
 */
export function load(
  client: Queryable,
  schema: string,
  streamIds: readonly string[],
  upcasters: Upcasters = {},
): Promise<Map<string, StoredEvent[]>> {
  return loadWhere(client, schema, streamIds, '', [], upcasters);
}

/** How far to read: a version, or what was recorded at or before a time. */
export interface LoadLimit {
  readonly asOf: Date | number;
  /** Only what comes behind this version. Default 0. */
  readonly after?: number;
}

/** As `load`, up to a version or time: the state as it was known then. */
export function loadUntil(
  client: Queryable,
  schema: string,
  streamIds: readonly string[],
  { asOf, after = 0 }: LoadLimit,
  upcasters: Upcasters = {},
): Promise<Map<string, StoredEvent[]>> {
  if (asOf instanceof Date) {
    const values = [asOf.toISOString(), after];
    return loadWhere(client, schema, streamIds, 'AND e.recorded_at <= $2 AND e.version > $3', values, upcasters);
  }
  return loadWhere(client, schema, streamIds, 'AND e.version <= $2 AND e.version > $3', [asOf, after], upcasters);
}

async function loadWhere(
  client: Queryable,
  schema: string,
  streamIds: readonly string[],
  condition: string,
  values: unknown[],
  upcasters: Upcasters,
): Promise<Map<string, StoredEvent[]>> {
  const streams = new Map<string, StoredEvent[]>(streamIds.map((id) => [id, []]));
  if (streams.size === 0) return streams;
  const events = await selectEvents(
    client,
    `FROM ${quoted(schema)}.event AS e WHERE e.stream_id = ANY ($1::uuid[]) ${condition} ORDER BY e.stream_id, e.version`,
    [uuidArray(streamIds, 'streamId'), ...values],
  );
  for (const event of events) streams.get(event.streamId)?.push(upcast(event, upcasters));
  return streams;
}

/**
 * Which of these event ids are stored: the slow path after `append` answered with duplicates, in a new transaction.
 *
 * @throws TypeError when an id is not a lower-case UUID.
 */
export async function storedEventIds(client: Queryable, schema: string, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM ${quoted(schema)}.event WHERE id = ANY ($1::uuid[])`,
    [uuidArray(ids, 'id')],
  );
  return new Set(rows.map(({ id }) => id));
}
