import type { DeviceQuery } from '@quell/contracts/device-query';
import { anyDevice, anyDevices } from '@quell/device-query/device.arbitrary';
import { foldWord } from '@quell/device-query/fold';
import { highlightDevice } from '@quell/device-query/highlight';
import type { QueriedDevice } from '@quell/device-query/match';
import { naiveSearch } from '@quell/device-query/naive-search.fixture';
import { parseQueryText } from '@quell/device-query/parse-query';
import { compareText, displayKey, naturalKey, rankClasses } from '@quell/device-query/rank';
import fc from 'fast-check';
import { SegmentBuilder } from './build-segment.ts';
import { DeviceIndex } from './device-index.ts';
import type { DeviceChange, IndexedDevice, PageKey, SearchAnswer, SortOrder } from './indexed-device.ts';
import type { Segment } from './segment.ts';
import type { SegmentLimits } from './segment-limits.ts';

export type Known = Map<string, IndexedDevice>;

const seenAt = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });
export const versioned = (device: QueriedDevice, version: number, lastSeenAt?: number): IndexedDevice => {
  const { platform, group, ...rest } = device;
  return {
    ...rest,
    version,
    ...(platform === undefined ? {} : { platform }),
    ...(group === undefined ? {} : { group }),
    ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
  };
};
export const anyStart = (maxLength: number) =>
  fc
    .tuple(anyDevices(maxLength), fc.array(seenAt, { minLength: maxLength, maxLength }))
    .map(([devices, seen]) => devices.map((device, index) => versioned(device, 1, seen[index])));

export type Step =
  | { readonly kind: 'write'; readonly device: QueriedDevice; readonly at: number | undefined }
  | {
      readonly kind: 'change' | 'retire' | 'see';
      readonly which: number;
      readonly by: QueriedDevice;
      readonly at: number;
    };
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), device: anyDevice, at: seenAt }),
  fc.record({
    kind: fc.constantFrom('change' as const, 'retire' as const, 'see' as const),
    which: fc.nat(),
    by: anyDevice,
    at: fc.integer({ min: 1, max: 9 }),
  }),
);

export function segmentOf(devices: Iterable<IndexedDevice>, limits?: SegmentLimits): Segment {
  const builder = new SegmentBuilder(limits);
  for (const device of devices) builder.add(device);
  return builder.finish();
}

/** Does the step to the index, and to what the devices then are. Versions only grow. */
export class World {
  readonly known: Known;
  readonly index: DeviceIndex;
  readonly changes: DeviceChange[] = [];
  #version = 1;

  constructor(start: readonly IndexedDevice[], limits?: SegmentLimits) {
    this.known = new Map(start.map((device) => [device.id, device]));
    this.index = new DeviceIndex(segmentOf(start, limits), { cacheBytes: 1 << 16, histogramFrom: 4, tallyFrom: 2 });
  }

  #apply(change: DeviceChange): void {
    this.changes.push(change);
    this.index.apply([change]);
  }

  take(step: Step): void {
    if (step.kind === 'write') {
      const lastSeenAt = Math.max(step.at ?? -1, this.known.get(step.device.id)?.lastSeenAt ?? -1);
      const device = versioned(step.device, ++this.#version, lastSeenAt < 0 ? undefined : lastSeenAt);
      this.known.set(device.id, device);
      this.#apply(versioned(step.device, this.#version, step.at));
      return;
    }
    const target = [...this.known.values()][step.which % Math.max(1, this.known.size)];
    if (target === undefined) return;
    if (step.kind === 'retire') {
      this.known.delete(target.id);
      this.#apply({ id: target.id, version: ++this.#version, retired: true });
    } else if (step.kind === 'change') {
      const changed = versioned({ ...step.by, id: target.id }, ++this.#version);
      const { lastSeenAt } = target;
      this.known.set(target.id, { ...changed, ...(lastSeenAt === undefined ? {} : { lastSeenAt }) });
      this.#apply(changed);
    } else {
      const lastSeenAt = Math.max(step.at, target.lastSeenAt ?? 0);
      this.known.set(target.id, { ...target, lastSeenAt });
      this.index.seen([{ id: target.id, lastSeenAt: step.at }]);
    }
  }
}

/** Every page of an answer, one after the other. */
export function readAll(
  index: DeviceIndex,
  query: DeviceQuery,
  sort: SortOrder | undefined,
  limit: number,
): SearchAnswer {
  let after: PageKey | undefined;
  const items: SearchAnswer['items'][number][] = [];
  for (;;) {
    const answer = index.search({ query, sort, after, limit });
    expect(answer.items.length).toBeLessThanOrEqual(limit);
    items.push(...answer.items);
    if (answer.nextKey === undefined) return { ...answer, items };
    after = JSON.parse(JSON.stringify(answer.nextKey));
  }
}

const byName = (a: IndexedDevice, b: IndexedDevice) =>
  compareText(displayKey(a), displayKey(b)) || compareText(a.id, b.id);
const byModel = (a: IndexedDevice, b: IndexedDevice) =>
  compareText(naturalKey(a.model), naturalKey(b.model)) || compareText(a.model, b.model) || byName(a, b);
const byId = (a: IndexedDevice, b: IndexedDevice) =>
  compareText(foldWord(a.id), foldWord(b.id)) || compareText(a.id, b.id);
const seenPlace = ({ lastSeenAt }: IndexedDevice, sign: number) => (lastSeenAt === undefined ? 1e9 : sign * lastSeenAt);
const seenBy = (sign: number) => (a: IndexedDevice, b: IndexedDevice) =>
  seenPlace(a, sign) - seenPlace(b, sign) || byName(a, b);
type Comparison = (a: IndexedDevice, b: IndexedDevice) => number;
const turned =
  (compare: Comparison): Comparison =>
  (a, b) =>
    compare(b, a);
const comparisons: Record<Exclude<SortOrder, 'relevance'>, Comparison> = {
  lastSeen: seenBy(-1),
  '-lastSeen': seenBy(1),
  label: byName,
  '-label': turned(byName),
  id: byId,
  '-id': turned(byId),
  model: byModel,
  '-model': turned(byModel),
};
export const anySort = fc.constantFrom<SortOrder>('relevance', ...(Object.keys(comparisons) as SortOrder[]));

export function expectSameAsNaive(
  index: DeviceIndex,
  known: Known,
  query: DeviceQuery,
  sort: SortOrder | undefined,
  limit = 3,
): void {
  const naive = naiveSearch([...known.values()], query);
  const text = parseQueryText(query.q);
  const answer = readAll(index, query, sort, limit);
  const order = sort ?? (text.kind === 'blank' ? 'lastSeen' : 'relevance');
  const expected = naive.found.map(({ device }) => device);
  if (order !== 'relevance') expected.sort(comparisons[order]);
  expect(answer.items.map(({ device }) => device)).toEqual(expected.map(closed));
  expect(answer.total).toBe(expected.length);
  expect(answer.matched).toBe(naive.matched);
  expect(answer.facets).toEqual(naive.facets);
  for (const { device, highlights } of answer.items) {
    expect(highlights).toEqual(highlightDevice(text, device, naive.matched));
  }
  const suggested = index.suggest({ query, limit: 4 });
  const ranks = text.kind === 'words' ? rankClasses(text.joined) : [];
  const best =
    text.kind === 'blank' ? [...expected].sort(comparisons.lastSeen) : naive.found.map(({ device }) => device);
  expect(suggested.items.map(({ id }) => id)).toEqual(best.slice(0, 4).map(({ id }) => id));
  for (const [place, item] of suggested.items.entries()) {
    if (text.kind === 'words') expect(item.class).toBe(ranks[naive.found[place]!.rank]);
  }
}

const closed = (device: IndexedDevice): IndexedDevice => ({ ...device, capabilities: [...device.capabilities].sort() });
