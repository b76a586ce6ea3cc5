import type { Queryable } from '@quell/event-store/load';
import { SCHEMA } from '../../database/schema.ts';

/** Up to where the times of last contact were read: a snapshot of Postgres, and the time at which it was taken. */
export interface SeenMark {
  /** `pg_current_snapshot()` */
  readonly visible: string;
  /** As Postgres writes a timestamptz; never parsed here. */
  readonly taken: string;
}

export interface DeviceSeen {
  readonly id: string;
  /** In milliseconds. */
  readonly lastSeenAt: number;
}

/** Longer than a writing transaction lives (`transaction_timeout`): what it noted becomes visible that much later. */
const OVERLAP_SECONDS = 15;

/**
 * What was noted since a mark, each note once: the overlap covers transactions that were open at the mark, and of what lies in it
 * Postgres gives only what the mark's snapshot did not see. (`xmin` of a row has 32 bits of its transaction's number; the others are
 * those of now, or of before the last wrap.)
 */
export async function readSeen(
  client: Queryable,
  since: SeenMark,
): Promise<{ readonly seen: DeviceSeen[]; readonly mark: SeenMark }> {
  const { rows } = await client.query<{ id: string | null; at: string; visible: string; taken: string }>({
    name: 'read-seen',
    text: `WITH now AS (SELECT pg_current_snapshot() AS visible, clock_timestamp() AS taken,
                               pg_snapshot_xmax(pg_current_snapshot())::text::numeric AS xmax)
      SELECT s.device_id AS id, (extract(epoch FROM s.last_seen_at) * 1000)::bigint AS at, now.visible::text, now.taken::text
      FROM now LEFT JOIN ${SCHEMA}.device_seen AS s
        ON s.noted_at > $2::timestamptz - interval '${OVERLAP_SECONDS} seconds'
       AND NOT pg_visible_in_snapshot((now.xmax - mod(now.xmax - s.xmin::text::numeric + 4294967296, 4294967296))::text::xid8,
                                      $1::pg_snapshot)`,
    values: [since.visible, since.taken],
  });
  const [first] = rows;
  if (first === undefined) throw new Error('Postgres does not tell its snapshot');
  const seen = rows.flatMap(({ id, at }) => (id === null ? [] : [{ id, lastSeenAt: Number(at) }]));
  return { seen, mark: { visible: first.visible, taken: first.taken } };
}

/** When devices were seen last, in milliseconds, by id; those that never were are left out. */
export async function lastSeenOf(client: Queryable, ids: readonly string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<{ id: string; at: string }>(
    `SELECT device_id AS id, (extract(epoch FROM last_seen_at) * 1000)::bigint AS at FROM ${SCHEMA}.device_seen
     WHERE device_id = ANY ($1::text[])`,
    [ids],
  );
  return new Map(rows.map(({ id, at }) => [id, Number(at)]));
}
