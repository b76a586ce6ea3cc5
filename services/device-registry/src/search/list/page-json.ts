import type { Facets, ValueFacet } from '@quell/device-query/facets';
import type { Highlight } from '@quell/device-query/highlight';
import type { IndexedDevice, SearchAnswer } from '../index/indexed-device.ts';
import { deviceItem } from './device-item.ts';

/*
 * Pages as JSON text, put together from pieces that were written before: who types sees the same devices and counts at each letter,
 * and to write them again took longer than to find them.
 */

/** The members of a page beside its devices and counts. */
export interface PageMembers {
  readonly nextCursor: string | undefined;
  readonly position: string;
  readonly stale: boolean;
}

/** @returns a `DevicePage`. */
export function pageJson({ items, total, facets, matched }: SearchAnswer, members: PageMembers): string {
  const { nextCursor, position, stale } = members;
  const devices = items.map(({ device, highlights }) => itemJson(device, highlights)).join(',');
  const next = nextCursor === undefined ? '' : `"nextCursor":${JSON.stringify(nextCursor)},`;
  return `{"items":[${devices}],${next}"total":${total},"position":"${position}","matched":"${matched}","facets":${facetsJson(facets)},"complete":true${stale ? ',"stale":true' : ''}}`;
}

const itemJsons = new WeakMap<IndexedDevice, string>();
const facetJsons = new WeakMap<Facets, string>();

function itemJson(device: IndexedDevice, highlights: readonly Highlight[]): string {
  let json = itemJsons.get(device);
  if (json === undefined) {
    json = JSON.stringify(deviceItem(device)).slice(0, -1);
    itemJsons.set(device, json);
  }
  return `${json},"highlights":${JSON.stringify(highlights)}}`;
}

function facetsJson(facets: Facets): string {
  let json = facetJsons.get(facets);
  if (json === undefined) {
    const { capabilities, models, groups } = facets;
    const omitted = JSON.stringify({ models: models.others, groups: groups.others });
    json = `{"capabilities":${JSON.stringify(capabilities)},"models":${countsJson(models)},"groups":${countsJson(groups)},"omitted":${omitted}}`;
    facetJsons.set(facets, json);
  }
  return json;
}

/** Largest first, as an object of JavaScript would not keep names that are numbers. */
function countsJson({ values }: ValueFacet): string {
  return `{${values.map(({ value, count }) => `${JSON.stringify(value)}:${count}`).join(',')}}`;
}
