import type { DeviceQuery } from '@quell/contracts/device-query';
import { anyDevice, anyDevices, anyQuery } from '@quell/device-query/device.arbitrary';
import { foldWord } from '@quell/device-query/fold';
import { highlightDevice } from '@quell/device-query/highlight';
import type { QueriedDevice } from '@quell/device-query/match';
import { naiveSearch } from '@quell/device-query/naive-search.fixture';
import { parseQueryText } from '@quell/device-query/parse-query';
import { compareText, displayKey, naturalKey, rankClasses } from '@quell/device-query/rank';
import fc from 'fast-check';
import { buildSegment, SegmentBuilder } from './build-segment.ts';
import { DeviceIndex } from './device-index.ts';
import type { DeviceChange, IndexedDevice, PageKey, SearchAnswer, SortOrder } from './indexed-device.ts';
import { buffersOf, type Segment } from './segment.ts';

type Known = Map<string, IndexedDevice>;

const seenAt = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });
const versioned = (device: QueriedDevice, version: number, lastSeenAt?: number): IndexedDevice => {
  const { platform, group, ...rest } = device;
  return {
    ...rest,
    version,
    ...(platform === undefined ? {} : { platform }),
    ...(group === undefined ? {} : { group }),
    ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
  };
};
const anyStart = (maxLength: number) =>
  fc
    .tuple(anyDevices(maxLength), fc.array(seenAt, { minLength: maxLength, maxLength }))
    .map(([devices, seen]) => devices.map((device, index) => versioned(device, 1, seen[index])));

type Step =
  | { readonly kind: 'write'; readonly device: QueriedDevice; readonly at: number | undefined }
  | {
      readonly kind: 'change' | 'retire' | 'see';
      readonly which: number;
      readonly by: QueriedDevice;
      readonly at: number;
    };
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), device: anyDevice, at: seenAt }),
  fc.record({
    kind: fc.constantFrom('change' as const, 'retire' as const, 'see' as const),
    which: fc.nat(),
    by: anyDevice,
    at: fc.integer({ min: 1, max: 9 }),
  }),
);

function segmentOf(devices: Iterable<IndexedDevice>): Segment {
  const builder = new SegmentBuilder();
  for (const device of devices) builder.add(device);
  return builder.finish();
}

/** Does the step to the index, and to what the devices then are. Versions only grow. */
class World {
  readonly known: Known;
  readonly index: DeviceIndex;
  readonly changes: DeviceChange[] = [];
  #version = 1;

  constructor(start: readonly IndexedDevice[]) {
    this.known = new Map(start.map((device) => [device.id, device]));
    this.index = new DeviceIndex(segmentOf(start), { cacheBytes: 1 << 20 });
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
function readAll(index: DeviceIndex, query: DeviceQuery, sort: SortOrder | undefined, limit: number): SearchAnswer {
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
const anySort = fc.constantFrom<SortOrder>('relevance', ...(Object.keys(comparisons) as SortOrder[]));

function expectSameAsNaive(index: DeviceIndex, known: Known, query: DeviceQuery, sort: SortOrder | undefined): void {
  const naive = naiveSearch([...known.values()], query);
  const text = parseQueryText(query.q);
  const answer = readAll(index, query, sort, 3);
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

test('a fresh index answers every query in every order as the naive scan does', () => {
  fc.assert(
    fc.property(anyStart(14), fc.array(fc.tuple(anyQuery, anySort), { minLength: 1, maxLength: 6 }), (start, asked) => {
      const { known, index } = new World(start);
      for (const [query, sort] of asked) {
        expectSameAsNaive(index, known, query, undefined);
        expectSameAsNaive(index, known, query, sort);
      }
    }),
    { numRuns: 400 },
  );
});

test('after any changes it still does, and so does an index built afresh; both have the same hash', () => {
  fc.assert(
    fc.property(
      anyStart(10),
      fc.array(fc.tuple(anyStep, anyQuery, anySort), { minLength: 1, maxLength: 8 }),
      (start, steps) => {
        const world = new World(start);
        for (const [step, query, sort] of steps) {
          world.take(step);
          expectSameAsNaive(world.index, world.known, query, sort);
        }
        const fresh = new DeviceIndex(segmentOf(world.known.values()));
        const [, query, sort] = steps.at(-1)!;
        expect(world.index.search({ query, sort, limit: 5 })).toEqual(fresh.search({ query, sort, limit: 5 }));
        expect(world.index.counts().hash).toBe(fresh.counts().hash);
        expect(world.index.counts().devices).toBe(world.known.size);
        for (const id of world.known.keys()) expect(world.index.get(id)).toEqual(fresh.get(id));
      },
    ),
    { numRuns: 400 },
  );
});

test('changes that come twice, and late, have no effect', () => {
  fc.assert(
    fc.property(anyStart(6), fc.array(anyStep, { maxLength: 8 }), anyQuery, (start, steps, query) => {
      const world = new World(start);
      for (const step of steps) world.take(step);
      const before = world.index.search({ query, limit: 20 });
      world.index.apply(world.changes);
      world.index.apply(start);
      expect(world.index.search({ query, limit: 20 })).toEqual(before);
    }),
  );
});

test('a base built from a snapshot in between takes over without a trace', () => {
  fc.assert(
    fc.property(
      anyStart(8),
      fc.array(anyStep, { maxLength: 6 }),
      fc.array(anyStep, { maxLength: 6 }),
      anyQuery,
      (start, earlier, later, query) => {
        const world = new World(start);
        for (const step of earlier) world.take(step);
        world.index.startRebuild();
        const snapshot = segmentOf(world.known.values());
        for (const step of later) world.take(step);
        world.index.replaceBase(snapshot);
        // The follower reads on from the snapshot, so what came after it comes again.
        world.index.apply(world.changes);
        expectSameAsNaive(world.index, world.known, query, undefined);
      },
    ),
    { numRuns: 200 },
  );
});

test('pages show each device that nobody touched exactly once while others change', () => {
  fc.assert(
    fc.property(anyStart(14), fc.array(anyStep, { maxLength: 10 }), anyQuery, anySort, (start, steps, query, sort) => {
      const world = new World(start);
      const shown: string[] = [];
      const first = world.index.search({ query, sort, limit: 2 });
      const expected = new Set(readAll(world.index, query, sort, 50).items.map(({ device }) => device.id));
      let answer = first;
      const pending = [...steps];
      for (;;) {
        shown.push(...answer.items.map(({ device }) => device.id));
        if (answer.nextKey === undefined) break;
        for (const step of pending.splice(0, 3)) world.take(step);
        answer = world.index.search({ query, sort, after: answer.nextKey, limit: 2 });
      }
      for (const device of start) {
        const unchanged = JSON.stringify(world.known.get(device.id)) === JSON.stringify(device);
        if (unchanged && expected.has(device.id)) expect(shown.filter((id) => id === device.id)).toHaveLength(1);
      }
    }),
    { numRuns: 400 },
  );
});

test('a segment survives the way from a worker: cloned with its buffers transferred, it answers the same', async () => {
  const devices = fc.sample(anyStart(12), { numRuns: 1, seed: 7 })[0]!;
  const segment = await buildSegment(
    (async function* () {
      yield devices.slice(0, 5);
      yield devices.slice(5);
    })(),
  );
  const query = fc.sample(anyQuery, { numRuns: 1, seed: 3 })[0]!;
  const before = new DeviceIndex(segment).search({ query, limit: 10 });
  const moved = structuredClone(segment, { transfer: buffersOf(segment) });
  expect(segment.records.bytes).toHaveLength(0);
  expect(new DeviceIndex(moved).search({ query, limit: 10 })).toEqual(before);
});

test('an index without devices answers, and counts nothing', () => {
  const index = new DeviceIndex();
  for (const _ of index.warmUp());
  for (const q of ['', 'a', 'npp16 d', '-']) {
    const answer = index.search({ query: { ...fc.sample(anyQuery, 1)[0]!, q }, limit: 5 });
    expect(answer).toMatchObject({ items: [], total: 0, matched: 'as-typed' });
  }
});
