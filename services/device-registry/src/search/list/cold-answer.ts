import type { DeviceQuery } from '@quell/contracts/device-query';
import type { DeviceSearchQuery } from '@quell/contracts/device-search';
import { highlightDevice } from '@quell/device-query/highlight';
import { parseQueryText } from '@quell/device-query/parse-query';
import { unavailable } from '@quell/service-kit/problem-error';
import { inTransaction } from '@quell/service-kit/transaction';
import type pg from 'pg';
import type { Pool } from 'pg';
import { SCHEMA } from '../../database/schema.ts';
import { indexedColumns, indexedRow, type RowText } from '../live/indexed-device.ts';
import { deviceItem } from './device-item.ts';
import type { FoundPage } from './found-page.ts';

const RETRY_SECONDS = 2;
/** A filter that few devices pass has Postgres look at all of them; then nothing is better than a slow answer. */
const LONGEST_MS = 500;

/**
 * What Postgres alone can tell while this replica has no index yet: with `q` the devices whose id begins with exactly that, without it
 * those of which something was heard last; the filters hold. No totals, no facets, no further pages: `complete: false`.
 *
 * @throws ProblemError 503 for what needs the index: another page, another order, or a query that takes Postgres too long
 */
export async function coldAnswer(pool: Pool, parameters: DeviceSearchQuery, query: DeviceQuery): Promise<FoundPage> {
  const { cursor, sort, limit, minPosition } = parameters;
  const usual = query.q.trim() === '' ? 'lastSeen' : 'relevance';
  if (cursor !== undefined || (sort ?? usual) !== usual) throw starting();
  const [position, items] = await inTransaction(pool, async (client) => {
    await client.query(`SET LOCAL statement_timeout = ${LONGEST_MS}`);
    const { rows } = await client.query<{ text: string }>(
      `SELECT txid || '-' || position AS text FROM ${SCHEMA}.event WHERE txid < pg_snapshot_xmin(pg_current_snapshot())
       ORDER BY event.txid DESC, event.position DESC LIMIT 1`,
    );
    const found = await client.query<RowText & unknown[]>(selection(query, limit));
    return [rows[0]?.text ?? '0-0', found.rows.map((row) => deviceItem(indexedRow(row)))] as const;
  }).catch((error: unknown) => {
    throw (error as { code?: string }).code === '57014' ? starting() : error;
  });
  const text = parseQueryText(query.q);
  return {
    items: items.map((device) => ({ ...device, highlights: highlightDevice(text, device, 'as-typed') })),
    position,
    matched: 'as-typed',
    complete: false,
    ...(minPosition === undefined ? {} : { stale: true as const }),
  };
}

/** The refusal of everything that needs the index. */
export function starting() {
  return unavailable(
    'This replica is starting and its search index is not there yet. Come again, or ask another one.',
    RETRY_SECONDS,
  );
}

const FILTERS = `d.retired_at IS NULL
  AND ($2::text[] = '{}' OR CASE WHEN $3 = 'all' THEN d.capabilities @> $2 ELSE d.capabilities && $2 END)
  AND ($4::text[] = '{}' OR d.group_name = ANY ($4)) AND ($5::text[] = '{}' OR d.platform = ANY ($5))
  AND ($6::text[] = '{}' OR d.model = ANY ($6)) AND ($7::text[] = '{}' OR d.tags && $7)`;

const asText = { getTypeParser: () => (value: string) => value };

function selection(query: DeviceQuery, limit: number): pg.QueryArrayConfig {
  const { q, feature, match, group, platform, model, tag } = query;
  const filters = [feature, match, group, platform, model, tag];
  if (parseQueryText(q).kind === 'blank') {
    const sql = `SELECT ${indexedColumns} FROM ${SCHEMA}.device_seen AS s JOIN ${SCHEMA}.device AS d ON d.id = s.device_id
      WHERE ${FILTERS} ORDER BY s.noted_at DESC LIMIT $1`;
    return { text: sql, values: [limit, ...filters], rowMode: 'array', types: asText as never };
  }
  const sql = `SELECT ${indexedColumns} FROM ${SCHEMA}.device AS d LEFT JOIN ${SCHEMA}.device_seen AS s ON s.device_id = d.id
    WHERE ${FILTERS} AND d.id >= $8 AND d.id <= $8 || chr(1114111) ORDER BY d.id LIMIT $1`;
  return { text: sql, values: [limit, ...filters, q.trim()], rowMode: 'array', types: asText as never };
}
