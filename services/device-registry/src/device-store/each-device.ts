import type { DeviceQuery } from '@quell/contracts/device-query';
import { compileQuery, type QueriedDevice } from '@quell/device-query/match';
import type { Pool } from 'pg';
import { type DeviceRow, deviceColumns } from './row.ts';

/** Few, so that the searches that this process answers get their turn in between. */
const ROWS = 250;

/** How long whoever reads may take between two pages: an open snapshot keeps dead rows of the whole database alive. */
const IDLE_SECONDS = 120;

/**
 * The rows of all active devices that a query means, read strictly (`@quell/device-query`), in the order of their ids, as of one moment:
 * a read-only snapshot, which takes no transaction id and so holds no feed back. Page after page, in constant memory.
 */
export async function* eachDevice(
  pool: Pool,
  query: DeviceQuery,
  signal?: AbortSignal,
): AsyncGenerator<readonly DeviceRow[]> {
  const isMeant = compileQuery(query);
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query(
      `SET LOCAL transaction_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '${IDLE_SECONDS}s'`,
    );
    const { conditions, values } = prefilter(query);
    await client.query(
      `DECLARE meant NO SCROLL CURSOR FOR SELECT ${deviceColumns} FROM device_registry.device AS d
       WHERE ${['d.retired_at IS NULL', ...conditions].join(' AND ')} ORDER BY d.id`,
      values,
    );
    for (;;) {
      signal?.throwIfAborted();
      const { rows } = await client.query<DeviceRow>(`FETCH ${ROWS} FROM meant`);
      const meant = rows.filter((row) => isMeant(queriedOf(row)));
      if (meant.length > 0) yield meant;
      if (rows.length < ROWS) break;
    }
  } catch (error) {
    broken = error as Error;
    throw error;
  } finally {
    // Also when the caller leaves half-way. Nothing was written, so there is nothing to commit.
    await client.query('ROLLBACK').catch((error: Error) => {
      broken = error;
    });
    client.release(broken);
  }
}

/** What Postgres can tell without reading words: fewer rows to look at, the same answer. */
function prefilter({ feature, match, group, platform, model, tag }: DeviceQuery) {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const add = (value: readonly string[], condition: (parameter: string) => string) => {
    if (value.length === 0) return;
    values.push(value);
    conditions.push(condition(`$${values.length}::text[]`));
  };
  add(feature, (list) => `d.capabilities ${match === 'all' ? '@>' : '&&'} ${list}`);
  add(group, (list) => `d.group_name = ANY (${list})`);
  add(platform, (list) => `d.platform = ANY (${list})`);
  add(model, (list) => `d.model = ANY (${list})`);
  add(tag, (list) => `d.tags && ${list}`);
  return { conditions, values };
}

/** What a query looks at in a row. */
export function queriedOf(row: DeviceRow): QueriedDevice {
  return { ...row, platform: row.platform ?? undefined, group: row.group_name ?? undefined };
}
