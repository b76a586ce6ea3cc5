import type { DeviceQuery } from '@quell/contracts/device-query';
import type { DeviceSort } from '@quell/contracts/device-search';
import { capabilityFacets, type Facets, valueFacet } from '@quell/device-query/facets';
import { type Highlight, highlightDevice } from '@quell/device-query/highlight';
import {
  capabilityMask,
  featureMask,
  foldDevice,
  matchesText,
  passesFeatures,
  passesOtherFilters,
  type QueriedDevice,
} from '@quell/device-query/match';
import { type MatchLevel, matchLevels, parseQueryText } from '@quell/device-query/parse-query';
import { compareText, displayKey, naturalKey, rankOf } from '@quell/device-query/rank';

/*
 * THE SEAM, with the simplest thing behind it: a scan. search/live and search/list are written against these names; the fast index
 * replaces this file.
 */

/** What the index knows of a device. */
export interface IndexedDevice extends QueriedDevice {
  readonly version: number;
  /** In milliseconds. A change without it leaves the time that is known. */
  readonly lastSeenAt?: number | undefined;
}

export type IndexChange = IndexedDevice | { readonly id: string; readonly version: number; readonly retired: true };

/** Where a device stands in an order: what a page ended with. JSON. */
export type PageKey = readonly [rank: number, key: string | number, id: string];

export interface SearchRequest {
  readonly query: DeviceQuery;
  readonly sort: DeviceSort;
  readonly limit: number;
  /** The end of the page before; its words are read as freely as there. */
  readonly after?: { readonly matched: MatchLevel; readonly key: PageKey } | undefined;
  /** Only as typed. */
  readonly strict?: boolean;
}

export interface SearchAnswer {
  readonly ids: readonly string[];
  readonly total: number;
  readonly facets: Facets;
  readonly matched: MatchLevel;
  /** Absent on the last page. */
  readonly next?: PageKey;
}

export interface Suggestion {
  readonly id: string;
  readonly model: string;
  readonly label: string;
  readonly highlights: readonly Highlight[];
}

export interface IndexCounts {
  readonly devices: number;
  /** Devices that changed since the base was built. */
  readonly delta: number;
  readonly bytes: number;
  /** Of all ids with their versions, as digits: equal for equal content. */
  readonly hash: string;
}

export interface IndexBuffers {
  readonly devices: readonly IndexedDevice[];
  /** What can be handed over without copying. */
  readonly transfer: ArrayBuffer[];
}

export class DeviceIndex {
  readonly #devices = new Map<string, IndexedDevice>();
  readonly #gone = new Map<string, number>();
  readonly #changed = new Set<string>();

  static build(devices: Iterable<IndexedDevice>): DeviceIndex {
    const index = new DeviceIndex();
    for (const device of devices) index.#devices.set(device.id, device);
    return index;
  }

  static fromBuffers({ devices }: IndexBuffers): DeviceIndex {
    return DeviceIndex.build(devices);
  }

  toBuffers(): IndexBuffers {
    return { devices: [...this.#devices.values()], transfer: [] };
  }

  get deltaSize(): number {
    return this.#changed.size;
  }

  /** Idempotent by version: what is known to be newer stays. */
  apply(changes: readonly IndexChange[]): void {
    for (const change of changes) {
      const known = this.#devices.get(change.id);
      if (change.version <= (known?.version ?? this.#gone.get(change.id) ?? 0)) continue;
      this.#changed.add(change.id);
      if ('retired' in change) {
        this.#devices.delete(change.id);
        this.#gone.set(change.id, change.version);
      } else {
        const lastSeenAt = change.lastSeenAt ?? known?.lastSeenAt;
        this.#devices.set(change.id, { ...change, lastSeenAt });
      }
    }
  }

  /** The greatest time stays; devices that are not there are passed over. */
  seen(seen: readonly { readonly id: string; readonly lastSeenAt: number }[]): void {
    for (const { id, lastSeenAt } of seen) {
      const known = this.#devices.get(id);
      if (known !== undefined && lastSeenAt > (known.lastSeenAt ?? 0)) this.#devices.set(id, { ...known, lastSeenAt });
    }
  }

  search(request: SearchRequest): SearchAnswer {
    const { query, sort, limit, after, strict } = request;
    const levels = after === undefined ? (strict ? matchLevels.slice(0, 1) : matchLevels) : [after.matched];
    const answers = levels.map((level) => this.#at(query, level));
    const { base, hits, matched } = answers.find((answer) => answer.hits.length > 0) ?? answers[0]!;
    const text = parseQueryText(query.q);
    const order = sort.startsWith('-') ? -1 : 1;
    const keyed = hits.map((device): PageKey => {
      switch (sort.replace('-', '')) {
        case 'lastSeen':
          return [0, -(device.lastSeenAt ?? 0), device.id];
        case 'label':
          return [0, displayKey(device), device.id];
        case 'id':
          return [0, naturalKey(device.id), device.id];
        case 'model':
          return [0, naturalKey(device.model), device.id];
        default:
          return [rankOf(text, foldDevice(device), matched), displayKey(device), device.id];
      }
    });
    keyed.sort((a, b) => order * compareKeys(a, b));
    const left = after === undefined ? keyed : keyed.filter((key) => order * compareKeys(key, after.key) > 0);
    const page = left.slice(0, limit);
    const last = page.at(-1);
    const facets = {
      capabilities: capabilityFacets(
        base.map((device) => [capabilityMask(device.capabilities), 1] as const),
        query,
      ),
      models: valueFacet(count(hits.map(({ model }) => model))),
      groups: valueFacet(count(hits.map(({ group }) => group))),
    };
    return {
      ids: page.map(([, , id]) => id),
      total: hits.length,
      facets,
      matched,
      ...(left.length > limit && last !== undefined ? { next: last } : {}),
    };
  }

  suggest(
    query: DeviceQuery,
    limit: number,
  ): { readonly items: readonly Suggestion[]; readonly total: number; readonly matched: MatchLevel } {
    const sort = parseQueryText(query.q).kind === 'blank' ? 'lastSeen' : 'relevance';
    const { ids, total, matched } = this.search({ query, sort, limit });
    const text = parseQueryText(query.q);
    const items = ids.map((id) => {
      const device = this.#devices.get(id)!;
      return { id, model: device.model, label: device.label, highlights: highlightDevice(text, device, matched) };
    });
    return { items, total, matched };
  }

  counts(): IndexCounts {
    let hash = 0n;
    for (const { id, version } of this.#devices.values()) hash ^= hashOf(`${id} ${version}`);
    return { devices: this.#devices.size, delta: this.#changed.size, bytes: 0, hash: String(hash) };
  }

  #at(query: DeviceQuery, matched: MatchLevel) {
    const text = parseQueryText(query.q);
    const selected = featureMask(query.feature);
    const base = [...this.#devices.values()].filter(
      (device) => passesOtherFilters(query, device) && matchesText(text, foldDevice(device), matched),
    );
    const hits = base.filter((device) => passesFeatures(capabilityMask(device.capabilities), selected, query.match));
    return { base, hits, matched };
  }
}

function compareKeys([rankA, keyA, idA]: PageKey, [rankB, keyB, idB]: PageKey): number {
  const byKey =
    typeof keyA === 'number' || typeof keyB === 'number' ? Number(keyA) - Number(keyB) : compareText(keyA, keyB);
  return rankA - rankB || byKey || compareText(idA, idB);
}

function count(values: readonly (string | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function hashOf(text: string): bigint {
  let hash = 14_695_981_039_346_656_037n;
  for (let at = 0; at < text.length; at++)
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(at))) * 1_099_511_628_211n);
  return hash;
}
