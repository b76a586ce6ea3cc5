import type { Device } from '@quell/contracts/device';
import type { DeviceQuery } from '@quell/contracts/device-query';
import type { DeviceFacets, DeviceSearchQuery, DeviceSort } from '@quell/contracts/device-search';
import type { Facets } from '@quell/device-query/facets';
import { parseQueryText } from '@quell/device-query/parse-query';
import { positionText } from '../../device-store/position.ts';
import type { IndexedDevice } from '../index/indexed-device.ts';
import type { Current } from '../live/live-index.ts';
import type { FoundPage } from './found-page.ts';
import { pageCursor, pageKeyOf } from './page-cursor.ts';

/** A page of what the index finds, as everything is at its position: from memory alone. */
export function searchDevices(
  { index, position }: Current,
  { sort: asked, limit, cursor }: DeviceSearchQuery,
  query: DeviceQuery,
): FoundPage {
  const sort: DeviceSort = asked ?? (parseQueryText(query.q).kind === 'blank' ? 'lastSeen' : 'relevance');
  const after = cursor === undefined ? undefined : pageKeyOf(cursor, query, sort);
  const { items, total, facets, matched, nextKey } = index.search({ query, sort, limit, after });
  return {
    items: items.map(({ device, highlights }) => ({ ...deviceItem(device), highlights })),
    ...(nextKey === undefined ? {} : { nextCursor: pageCursor(query, sort, nextKey) }),
    total,
    position: positionText(position),
    matched,
    facets: facetsOf(facets),
    complete: true,
  };
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

/** A device as it is answered. */
export function deviceItem({ lastSeenAt, version, ...device }: IndexedDevice): Device {
  const { capabilities, hostnames, ips, macs, platform, group, tags, agentId } = device;
  return {
    id: device.id,
    model: device.model,
    label: device.label,
    capabilities: capabilities as Device['capabilities'],
    hostnames: hostnames as string[],
    ips: ips as string[],
    macs: macs as string[],
    ...(platform === undefined ? {} : { platform }),
    ...(group === undefined ? {} : { group }),
    tags: tags as string[],
    ...(agentId === undefined ? {} : { agentId }),
    ...(lastSeenAt === undefined ? {} : { lastSeenAt: new Date(lastSeenAt).toISOString() }),
    version,
  };
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
