import type { DeviceQuery } from '@quell/contracts/device-query';
import { compileQuery, type QueriedDevice } from '@quell/device-query/match';
import { mayHaveWords, wordPatterns } from '@quell/device-query/narrow-in-sql';
import { snapshotPages } from '@quell/service-kit/snapshot-pages';
import type { Pool } from 'pg';
import { type DeviceRow, deviceColumns } from './row.ts';

/** Devices that are there, or those that were retired at or after a time (RFC 3339); without one all of these. */
export type DevicesOf =
  | { readonly state: 'active' }
  | { readonly state: 'retired'; readonly since?: string | undefined };

/**
 * The rows of all devices that a query means, read strictly (`@quell/device-query`), in the order of their ids, as of one moment
 * (`snapshotPages`).
 */
export async function* eachDevice(
  pool: Pool,
  query: DeviceQuery,
  signal?: AbortSignal,
  which: DevicesOf = { state: 'active' },
): AsyncGenerator<readonly DeviceRow[]> {
  const isMeant = compileQuery(query);
  const { conditions, values } = prefilter(query);
  conditions.push(which.state === 'active' ? 'd.retired_at IS NULL' : 'd.retired_at IS NOT NULL');
  if (which.state === 'retired' && which.since !== undefined) {
    values.push(which.since);
    conditions.push(`d.retired_at >= $${values.length}::timestamptz`);
  }
  const text = `SELECT ${deviceColumns} FROM device_registry.device AS d
    WHERE ${conditions.join(' AND ')} ORDER BY d.id`;
  for await (const rows of snapshotPages<DeviceRow>(pool, [{ text, values }], signal)) {
    const meant = rows.filter((row) => isMeant(queriedOf(row)));
    if (meant.length > 0) yield meant;
  }
}

const TEXTS = {
  id: 'd.id',
  model: 'd.model',
  label: 'd.label',
  hostnames: 'd.hostnames',
  ips: 'd.ips',
  macs: 'd.macs',
};

/** What Postgres can tell: fewer rows to look at, the same answer. */
function prefilter({ q, feature, match, group, platform, model, tag }: DeviceQuery) {
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
  add(wordPatterns(q), (list) => mayHaveWords(TEXTS, list));
  return { conditions, values };
}

/** What a query looks at in a row. */
export function queriedOf(row: DeviceRow): QueriedDevice {
  return { ...row, platform: row.platform ?? undefined, group: row.group_name ?? undefined };
}
