import type { DeviceQuery } from '@quell/contracts/device-query';
import { highlightDevice } from '@quell/device-query/highlight';
import { featureMask, passesFeatures } from '@quell/device-query/match';
import { type MatchLevel, matchLevels, parseQueryText, type QueryText } from '@quell/device-query/parse-query';
import { rankClasses } from '@quell/device-query/rank';
import { LRUCache } from 'lru-cache';
import { type BaseHits, BaseIndex, type BaseOptions } from './base-index.ts';
import { emptySet } from './bits.ts';
import { SegmentBuilder } from './build-segment.ts';
import { Delta } from './delta.ts';
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
import { type Order, orders } from './orders.ts';
import { facetsOf, type Hits, type Placed, pageOf } from './page.ts';
import { type Segment, sizeOfSegment } from './segment.ts';

export type IndexOptions = Partial<BaseOptions>;

const usualOptions: BaseOptions = { cacheBytes: 32 << 20, histogramFrom: 1 << 17, tallyFrom: 1 << 13 };

/** So many make a new base as quick as the one before was, and take a second of its thread. */
const QUERIES_REMEMBERED = 256;

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

/**
 * Every device in memory, ready to be found: an immutable base, and what changed since beside it. The same devices give the same
 * answers however they came in. Synchronous and without I/O.
 */
export class DeviceIndex {
  readonly #tallyFrom: number;
  readonly #base: BaseIndex;
  readonly #changed = new Delta();
  /** Retired since the base was built, at which version: what comes late from before must not bring them back. */
  readonly #retired = new Map<string, number>();
  readonly #hash: DivergenceHash;
  readonly #recent = new LRUCache<string, DeviceQuery>({ max: QUERIES_REMEMBERED });

  constructor(segment: Segment = new SegmentBuilder().finish(), options: IndexOptions = {}) {
    const all = { ...usualOptions, ...options };
    this.#tallyFrom = all.tallyFrom;
    this.#base = new BaseIndex(segment, all);
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
      const entry = this.#changed.get(id);
      if (entry !== undefined) {
        if (lastSeenAt > (entry.device.lastSeenAt ?? -1)) entry.device = { ...entry.device, lastSeenAt };
        continue;
      }
      const doc = this.#retired.has(id) ? -1 : this.#liveDoc(id);
      if (doc >= 0) this.#base.lastSeen.see(doc, lastSeenAt);
    }
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

  /** What was asked lately and finds much, the latest first. */
  get recentQueries(): DeviceQuery[] {
    return [...this.#recent.values()];
  }

  /**
   * Finds what one typed character needs ahead of the first one who types it, and what was asked of the index before this one; a step at
   * a time, each of a few milliseconds.
   */
  *warmUp(recent: readonly DeviceQuery[] = []): Generator<void> {
    const letters = ['', ...'abcdefghijklmnopqrstuvwxyz0123456789'].map((q) => ({ ...everything, q }));
    for (const query of [...letters, ...recent.toReversed()]) {
      this.search({ query, limit: 1 });
      yield;
    }
  }

  search({ query, sort, after, limit }: SearchRequest): SearchAnswer {
    const text = parseQueryText(query.q);
    const hits = this.#loosen(query, text, after?.level);
    const order = orders[sort ?? defaultSort(text)];
    const page = pageOf(this.#base, hits, order, after?.values, limit);
    const items = page.slice(0, limit);
    const facets = facetsOf(this.#base, hits, query);
    const total = hits.base.found.count + hits.changed.length;
    if (total >= this.#tallyFrom) this.#recent.set(JSON.stringify(query), query);
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
    const page = pageOf(this.#base, hits, orders[defaultSort(text)], undefined, limit).slice(0, limit);
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
      const counted = { tally: this.#base.emptyTally(), shared: false };
      const base: BaseHits = { text: undefined, found: emptySet, counted: () => counted };
      return { level, base, changedBase: [], changed: [] };
    }
    const selected = featureMask(query.feature);
    const changedBase = this.#changed.find(query, text, level);
    const changed = changedBase.filter(({ entry }) => passesFeatures(entry.mask, selected, query.match));
    return { level, base: this.#base.find(query, text, level), changedBase, changed };
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
