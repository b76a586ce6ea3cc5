import type { DeviceQuery } from '@quell/contracts/device-query';
import { capabilityFacets, type Facets } from '@quell/device-query/facets';
import type { MatchLevel } from '@quell/device-query/parse-query';
import type { BaseHits, BaseIndex } from './base-index.ts';
import { firstWhere } from './bytes.ts';
import type { DeltaMatch } from './delta.ts';
import type { IndexedDevice } from './indexed-device.ts';
import type { Order, Values } from './orders.ts';
import { copyOf, type Tally } from './tally.ts';

/** What is found at one level, in the base and among the changes. */
export interface Hits {
  readonly level: MatchLevel;
  readonly base: BaseHits;
  /** Text and other filters; `changed` passes the features too. */
  readonly changedBase: readonly DeltaMatch[];
  readonly changed: readonly DeltaMatch[];
}

export interface Placed {
  readonly device: IndexedDevice;
  readonly rank: number;
}

/** One device more than `limit` when there is one: then another page follows. */
export function pageOf(
  index: BaseIndex,
  { base, changed }: Hits,
  order: Order,
  after: Values | undefined,
  limit: number,
): Placed[] {
  const { reader } = index;
  const waiting = firstChanged(changed, order, after, limit + 1);
  const page: Placed[] = [];
  let next = 0;
  for (const { doc, rank } of order.docs(index, base, after, limit + 1)) {
    if (page.length > limit) break;
    const device = reader.device(doc);
    if (next < waiting.length) {
      const values = order.valuesOf(device, rank);
      while (next < waiting.length && page.length <= limit && order.compare(waiting[next]!.values, values) < 0) {
        page.push(waiting[next++]!);
      }
      if (page.length > limit) break;
    }
    page.push({ device, rank });
    if (page.length > limit) break;
  }
  while (next < waiting.length && page.length <= limit) page.push(waiting[next++]!);
  return page;
}

/** The first of the changed devices in an order: of thousands that match only those of one page are sorted. */
function firstChanged(
  changed: readonly DeltaMatch[],
  order: Order,
  after: Values | undefined,
  most: number,
): (Placed & { readonly values: Values })[] {
  const first: (Placed & { readonly values: Values })[] = [];
  for (const {
    entry: { device },
    rank,
  } of changed) {
    const values = order.valuesOf(device, rank);
    if (after !== undefined && order.compare(values, after) <= 0) continue;
    if (first.length === most && order.compare(values, first[most - 1]!.values) > 0) continue;
    first.splice(
      firstWhere(0, first.length, (at) => order.compare(first[at]!.values, values) > 0),
      0,
      { device, rank, values },
    );
    if (first.length > most) first.pop();
  }
  return first;
}

/** Of tallies that are kept: sorting out the largest counts takes longer than many searches. */
const made = new WeakMap<Tally, Facets>();

/** @returns what is counted of the base and of the changes; the same object for what was counted before, to which nobody writes. */
export function facetsOf(base: BaseIndex, hits: Hits, query: DeviceQuery): Facets {
  const { tally, shared } = hits.base.counted();
  if (!shared) return countChanges(base, hits, query, tally);
  if (hits.changedBase.length > 0) return countChanges(base, hits, query, copyOf(tally));
  let facets = made.get(tally);
  if (facets === undefined) {
    facets = countChanges(base, hits, query, tally);
    made.set(tally, facets);
  }
  return facets;
}

/** @param tally of the base; what changed is added to it. */
function countChanges(
  { models, groups }: BaseIndex,
  { changedBase, changed }: Hits,
  query: DeviceQuery,
  tally: Tally,
): Facets {
  for (const { entry } of changedBase) tally.masks[entry.mask]!++;
  const newModels = new Map<string, number>();
  const newGroups = new Map<string, number>();
  const count = (value: string, code: number | undefined, known: Uint32Array, others: Map<string, number>): void => {
    if (code !== undefined) known[code]!++;
    else others.set(value, (others.get(value) ?? 0) + 1);
  };
  for (const {
    entry: { device },
  } of changed) {
    count(device.model, models.codeOf(device.model), tally.models, newModels);
    if (device.group === undefined) continue;
    count(device.group, groups.codeOf(device.group), tally.groups, newGroups);
  }
  return {
    capabilities: capabilityFacets(
      [...tally.masks].flatMap((some, mask) => (some > 0 ? [[mask, some]] : [])),
      query,
    ),
    models: models.facetOf(tally.models, newModels),
    groups: groups.facetOf(tally.groups, newGroups),
  };
}
