import type { Device } from '@quell/contracts/device';
import type pg from 'pg';
import type { Pool } from 'pg';
import { SCHEMA } from '../../database/schema.ts';
import { indexedColumns, indexedRow, type RowText } from '../live/indexed-device.ts';

const text = { getTypeParser: () => (value: string) => value };

/** The columns of a device as it is answered, for a SELECT from `device AS d LEFT JOIN device_seen AS s`. */
export const itemColumns = `${indexedColumns}, d.agent_id`;

export type ItemRow = readonly [...RowText, agentId: string | null];

/** Runs a SELECT of {@link itemColumns}, each connection planning it once. */
export async function selectItems(
  client: Pick<pg.ClientBase, 'query'>,
  name: string,
  sql: string,
  values: unknown[],
): Promise<Device[]> {
  const query = { name, text: sql, values, rowMode: 'array' as const, types: text };
  const { rows } = await client.query<ItemRow & unknown[]>(query as pg.QueryArrayConfig);
  return rows.map(itemOf);
}

/** Devices as they are now, in the order of `ids`; what was retired meanwhile is left out. */
export async function itemsOf(pool: Pool, ids: readonly string[]): Promise<Device[]> {
  if (ids.length === 0) return [];
  const found = await selectItems(
    pool,
    'search-items',
    `SELECT ${itemColumns} FROM ${SCHEMA}.device AS d LEFT JOIN ${SCHEMA}.device_seen AS s ON s.device_id = d.id
     WHERE d.id = ANY ($1::text[]) AND d.retired_at IS NULL`,
    [ids],
  );
  const byId = new Map(found.map((device) => [device.id, device]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

function itemOf(row: ItemRow): Device {
  const { lastSeenAt, version, ...device } = indexedRow(row.slice(0, 12) as unknown as RowText);
  const agentId = row[12];
  return {
    ...(device as Omit<Device, 'version'>),
    ...(agentId === null ? {} : { agentId }),
    ...(lastSeenAt === undefined ? {} : { lastSeenAt: new Date(lastSeenAt).toISOString() }),
    version,
  };
}
