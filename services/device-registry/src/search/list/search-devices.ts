import type { DeviceQuery } from '@quell/contracts/device-query';
import type { DeviceFacets, DeviceSearchQuery, DeviceSort } from '@quell/contracts/device-search';
import type { Facets } from '@quell/device-query/facets';
import { highlightDevice } from '@quell/device-query/highlight';
import { parseQueryText } from '@quell/device-query/parse-query';
import type { Pool } from 'pg';
import { positionText } from '../../device-store/position.ts';
import type { Current } from '../live/live-index.ts';
import type { FoundPage } from './found-page.ts';
import { itemsOf } from './items.ts';
import { pageCursor, pageEndOf } from './page-cursor.ts';

/**
 * A page of what the index finds at its position. The devices themselves come from Postgres as they are by now: one that was retired
 * meanwhile is left out, so that a page may hold fewer than it could.
 */
export async function searchDevices(
  pool: Pool,
  { index, position }: Current,
  { sort: asked, limit, cursor }: DeviceSearchQuery,
  query: DeviceQuery,
): Promise<FoundPage> {
  const text = parseQueryText(query.q);
  const sort: DeviceSort = asked ?? (text.kind === 'blank' ? 'lastSeen' : 'relevance');
  const after = cursor === undefined ? undefined : pageEndOf(cursor, query, sort);
  const { ids, total, facets, matched, next } = index.search({ query, sort, limit, after });
  const items = await itemsOf(pool, ids);
  return {
    items: items.map((device) => ({ ...device, highlights: highlightDevice(text, device, matched) })),
    ...(next === undefined ? {} : { nextCursor: pageCursor(query, sort, { matched, key: next }) }),
    total,
    position: positionText(position),
    matched,
    facets: facetsOf(facets),
    complete: true,
  };
}

/** From memory alone. */
export function suggestDevices({ index, position }: Current, query: DeviceQuery, limit: number) {
  return { ...index.suggest(query, limit), position: positionText(position) };
}

/** How many devices a query means, read strictly. */
export function countDevices({ index }: Current, query: DeviceQuery): number {
  return index.search({ query, sort: 'id', limit: 1, strict: true }).total;
}

function facetsOf({ capabilities, models, groups }: Facets): DeviceFacets {
  const counts = ({ values }: Facets['models']) => Object.fromEntries(values.map(({ value, count }) => [value, count]));
  return {
    capabilities,
    models: counts(models),
    groups: counts(groups),
    omitted: { models: models.others, groups: groups.others },
  };
}
