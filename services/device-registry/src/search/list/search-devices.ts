import type { DeviceQuery } from '@quell/contracts/device-query';
import type { DeviceSearchQuery, DeviceSort } from '@quell/contracts/device-search';
import { parseQueryText } from '@quell/device-query/parse-query';
import { positionText } from '../../device-store/position.ts';
import type { Current } from '../live/live-index.ts';
import { pageCursor, pageKeyOf } from './page-cursor.ts';
import { pageJson } from './page-json.ts';

/** @returns a page of what the index finds, as everything is at its position, as JSON in UTF-8: from memory alone. */
export function searchDevices(
  { index, position }: Current,
  { sort: asked, limit, cursor }: DeviceSearchQuery,
  query: DeviceQuery,
  stale: boolean,
): Buffer {
  const sort: DeviceSort = asked ?? (parseQueryText(query.q).kind === 'blank' ? 'lastSeen' : 'relevance');
  const after = cursor === undefined ? undefined : pageKeyOf(cursor, query, sort);
  const answer = index.search({ query, sort, limit, after });
  const nextCursor = answer.nextKey === undefined ? undefined : pageCursor(query, sort, answer.nextKey);
  return pageJson(answer, { nextCursor, position: positionText(position), stale });
}

/** The best hits, with what a list under a search box shows. */
export function suggestDevices({ index, position }: Current, query: DeviceQuery, limit: number) {
  const { items, matched } = index.suggest({ query, limit });
  return {
    items: items.map(({ id, model, label, highlights }) => ({ id, model, label, highlights })),
    position: positionText(position),
    matched,
  };
}

/** How many devices a query means, read strictly. */
export function countDevices({ index }: Current, query: DeviceQuery): number {
  const { total, matched } = index.search({ query, limit: 1 });
  return matched === 'as-typed' ? total : 0;
}
