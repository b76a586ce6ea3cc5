import type { DeviceQuery } from '@quell/contracts/device-query';
import { capabilityFacets, type Facets } from '@quell/device-query/facets';
import { highlightDevice } from '@quell/device-query/highlight';
import { featureMask, passesFeatures } from '@quell/device-query/match';
import { type MatchLevel, matchLevels, parseQueryText, type QueryText } from '@quell/device-query/parse-query';
import { rankClasses } from '@quell/device-query/rank';
import { type BaseHits, BaseIndex, type BaseOptions } from './base-index.ts';
import { emptySet } from './bits.ts';
import { SegmentBuilder } from './build-segment.ts';
import { firstWhere } from './bytes.ts';
import { Delta, type DeltaMatch } from './delta.ts';
import { DivergenceHash } from './divergence-hash.ts';
import type {
  DeviceChange,
  IndexedDevice,
  PageKey,
  SearchAnswer,
  SearchRequest,
  SortOrder,
  SuggestAnswer,
  SuggestRequest,
} from './indexed-device.ts';
import { type Order, orders, type Values } from './orders.ts';
import { type Segment, sizeOfSegment } from './segment.ts';

export type IndexOptions = Partial<BaseOptions>;

const usualOptions: BaseOptions = { cacheBytes: 48 << 20, histogramFrom: 1 << 17 };

export interface IndexCounts {
  readonly devices: number;
  /** Devices that differ from the base; time for a new base when there are thousands. */
  readonly changes: number;
  /** Of the base, what is kept of answers not included. */
  readonly bytes: number;
  readonly cacheBytes: number;
  /** Equal on replicas that hold the same devices at the same versions. */
  readonly hash: string;
}

/** What is found at one level, in the base and among the changes. */
interface Hits {
  readonly level: MatchLevel;
  readonly base: BaseHits;
  /** Text and other filters; `changed` passes the features too. */
  readonly changedBase: readonly DeltaMatch[];
  readonly changed: readonly DeltaMatch[];
}

interface Placed {
  readonly device: IndexedDevice;
  readonly rank: number;
}

/**
 * Every device in memory, ready to be found: an immutable base, and what changed since beside it. The same devices give the same
 * answers however they came in. Synchronous and without I/O.
 */
export class DeviceIndex {
  readonly #options: BaseOptions;
  #base: BaseIndex;
  readonly #changed = new Delta();
  /** Retired since the base was built, at which version: what comes late from before must not bring them back. */
  readonly #retired = new Map<string, number>();
  #hash: DivergenceHash;
  /** Seen while a new base is being built, so that it can be told. */
  #seenMeanwhile: Map<string, number> | undefined;

  constructor(segment: Segment = new SegmentBuilder().finish(), options: IndexOptions = {}) {
    this.#options = { ...usualOptions, ...options };
    this.#base = new BaseIndex(segment, this.#options);
    this.#hash = new DivergenceHash(segment.hash);
  }

  /** Takes changes in; a version that is not newer than the one known has no effect. */
  apply(changes: Iterable<DeviceChange>): void {
    for (const change of changes) this.#applyOne(change);
  }

  #applyOne(change: DeviceChange): void {
    const known = this.#changed.get(change.id);
    const retired = this.#retired.get(change.id);
    const doc = known === undefined && retired === undefined ? this.#liveDoc(change.id) : -1;
    const version = known?.device.version ?? retired ?? (doc < 0 ? undefined : this.#base.segment.versions[doc]);
    if (version !== undefined && change.version <= version) return;
    const lastSeenAt = known?.device.lastSeenAt ?? (doc < 0 ? undefined : this.#base.reader.device(doc).lastSeenAt);
    if (version !== undefined && retired === undefined) this.#hash.toggle(change.id, version);
    if (doc >= 0) this.#base.kill(doc);
    if ('retired' in change) {
      this.#changed.delete(change.id);
      this.#retired.set(change.id, change.version);
      return;
    }
    this.#retired.delete(change.id);
    this.#hash.toggle(change.id, change.version);
    const latest = Math.max(lastSeenAt ?? -1, change.lastSeenAt ?? -1);
    this.#changed.set(latest < 0 ? change : { ...change, lastSeenAt: latest });
  }

  #liveDoc(id: string): number {
    const doc = this.#base.reader.docOf(id);
    return doc >= 0 && !this.#base.dead.has(doc) ? doc : -1;
  }

  /** Notes when devices were last seen, in milliseconds; earlier times than known and unknown devices are left. */
  seen(seen: Iterable<{ readonly id: string; readonly lastSeenAt: number }>): void {
    for (const { id, lastSeenAt } of seen) {
      this.#seenMeanwhile?.set(id, Math.max(lastSeenAt, this.#seenMeanwhile.get(id) ?? -1));
      const entry = this.#changed.get(id);
      if (entry !== undefined) {
        if (lastSeenAt > (entry.device.lastSeenAt ?? -1)) entry.device = { ...entry.device, lastSeenAt };
        continue;
      }
      const doc = this.#retired.has(id) ? -1 : this.#liveDoc(id);
      if (doc >= 0) this.#base.lastSeen.see(doc, lastSeenAt);
    }
  }

  /** To be called before the snapshot for a new base is taken: from here on `seen` is remembered for it. */
  startRebuild(): void {
    this.#seenMeanwhile = new Map();
  }

  /** Goes over to a base built from a later snapshot; changes that it does not have yet stay beside it. */
  replaceBase(segment: Segment): void {
    const changes: DeviceChange[] = this.#changed.devices();
    for (const [id, version] of this.#retired) changes.push({ id, version, retired: true });
    this.#base = new BaseIndex(segment, this.#options);
    this.#hash = new DivergenceHash(segment.hash);
    this.#changed.clear();
    this.#retired.clear();
    // A device that the base does not have was retired before the snapshot: nothing older can come any more.
    this.apply(changes.filter((change) => !('retired' in change) || this.#liveDoc(change.id) >= 0));
    const seen = this.#seenMeanwhile;
    this.#seenMeanwhile = undefined;
    if (seen !== undefined) this.seen([...seen].map(([id, lastSeenAt]) => ({ id, lastSeenAt })));
  }

  /** @returns the device as it is known here. */
  get(id: string): IndexedDevice | undefined {
    const entry = this.#changed.get(id);
    if (entry !== undefined) return entry.device;
    const doc = this.#retired.has(id) ? -1 : this.#liveDoc(id);
    return doc < 0 ? undefined : this.#base.reader.device(doc);
  }

  /** How many devices differ from the base. */
  get changes(): number {
    return this.#changed.size + this.#retired.size;
  }

  counts(): IndexCounts {
    const { segment, dead, cacheSize } = this.#base;
    return {
      devices: segment.count - dead.size + this.#changed.size,
      changes: this.changes,
      bytes: sizeOfSegment(segment),
      cacheBytes: cacheSize,
      hash: this.#hash.text,
    };
  }

  /** Finds what one typed character needs ahead of the first one who types it; a step at a time, each of a few milliseconds. */
  *warmUp(): Generator<void> {
    for (const q of ['', ...'abcdefghijklmnopqrstuvwxyz0123456789']) {
      this.search({ query: { ...everything, q }, limit: 1 });
      yield;
    }
  }

  search({ query, sort, after, limit }: SearchRequest): SearchAnswer {
    const text = parseQueryText(query.q);
    const hits = this.#loosen(query, text, after?.level);
    const order = orders[sort ?? defaultSort(text)];
    const page = this.#page(hits, order, after?.values, limit);
    const items = page.slice(0, limit);
    const facets = this.#facets(hits, query);
    const total = hits.base.found.count + hits.changed.length;
    const nextKey = page.length > limit ? keyOf(items.at(-1)!, order, hits.level) : undefined;
    return {
      items: items.map(({ device }) => ({ device, highlights: highlightDevice(text, device, hits.level) })),
      total,
      facets,
      matched: hits.level,
      ...(nextKey === undefined ? {} : { nextKey }),
    };
  }

  /** The best of what search finds, without counting the rest. */
  suggest({ query, limit }: SuggestRequest): SuggestAnswer {
    const text = parseQueryText(query.q);
    const hits = this.#loosen(query, text, undefined);
    const classes = text.kind === 'words' ? rankClasses(text.joined) : [];
    const page = this.#page(hits, orders[defaultSort(text)], undefined, limit).slice(0, limit);
    const items = page.map(({ device, rank }) => ({
      id: device.id,
      label: device.label,
      model: device.model,
      class: classes[rank] ?? 'other',
      highlights: highlightDevice(text, device, hits.level),
    }));
    return { items, matched: hits.level };
  }

  /** The first level at which the words match any device; a later page stays at the level of the first. */
  #loosen(query: DeviceQuery, text: QueryText, level: MatchLevel | undefined): Hits {
    if (level !== undefined) return this.#find(query, text, level);
    const asTyped = this.#find(query, text, 'as-typed');
    if (text.kind !== 'words' || hasAny(asTyped)) return asTyped;
    const wordsAlone: DeviceQuery = { ...everything, q: query.q };
    const matching = matchLevels.find((one) => hasAny(this.#find(wordsAlone, text, one)));
    return matching === undefined || matching === 'as-typed' ? asTyped : this.#find(query, text, matching);
  }

  #find(query: DeviceQuery, text: QueryText, level: MatchLevel): Hits {
    if (text.kind === 'nothing') {
      const base: BaseHits = { text: undefined, found: emptySet, tally: () => this.#base.emptyTally() };
      return { level, base, changedBase: [], changed: [] };
    }
    const selected = featureMask(query.feature);
    const changedBase = this.#changed.find(query, text, level);
    const changed = changedBase.filter(({ entry }) => passesFeatures(entry.mask, selected, query.match));
    return { level, base: this.#base.find(query, text, level), changedBase, changed };
  }

  /** The first of the changed devices in an order: of thousands that match only those of one page are sorted. */
  #firstChanged(
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

  #facets({ base, changedBase, changed }: Hits, query: DeviceQuery): Facets {
    const { models, groups } = this.#base;
    const tally = base.tally();
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

  /** One device more than `limit` when there is one: then another page follows. */
  #page({ base, changed }: Hits, order: Order, after: Values | undefined, limit: number): Placed[] {
    const { reader } = this.#base;
    const waiting = this.#firstChanged(changed, order, after, limit + 1);
    const page: Placed[] = [];
    let next = 0;
    for (const { doc, rank } of order.docs(this.#base, base, after, limit + 1)) {
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
}

const everything: DeviceQuery = { q: '', feature: [], match: 'all', group: [], platform: [], model: [], tag: [] };

function defaultSort(text: QueryText): SortOrder {
  return text.kind === 'blank' ? 'lastSeen' : 'relevance';
}

function hasAny({ base, changed }: Hits): boolean {
  return base.found.count + changed.length > 0;
}

function keyOf({ device, rank }: Placed, order: Order, level: MatchLevel): PageKey {
  return { level, values: order.valuesOf(device, rank) };
}
