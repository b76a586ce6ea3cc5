import type { DeviceQuery } from '@quell/contracts/device-query';
import { anyDevice, anyQuery } from '@quell/device-query/device.arbitrary';
import type { QueriedDevice } from '@quell/device-query/match';
import fc from 'fast-check';
import { buildSegment } from './build-segment.ts';
import { DeviceIndex } from './device-index.ts';
import { buffersOf } from './segment.ts';
import {
  anySort,
  anyStart,
  anyStep,
  expectSameAsNaive,
  readAll,
  segmentOf,
  versioned,
  World,
} from './world.fixture.ts';

const everyDevice: DeviceQuery = { q: '', feature: [], match: 'all', group: [], platform: [], model: [], tag: [] };

test('a fresh index answers every query in every order as the naive scan does', () => {
  fc.assert(
    fc.property(anyStart(14), fc.array(fc.tuple(anyQuery, anySort), { minLength: 1, maxLength: 6 }), (start, asked) => {
      const { known, index } = new World(start);
      for (const [query, sort] of asked) {
        expectSameAsNaive(index, known, query, undefined);
        expectSameAsNaive(index, known, query, sort);
      }
    }),
    { numRuns: 250 },
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
    { numRuns: 200 },
  );
});

test('whoever types letter by letter, also while devices change, sees at each letter what the naive scan finds', () => {
  const text = ({ id, label, model }: QueriedDevice, which: number) =>
    [id, label, model, `${label} ${model}`][which % 4]!;
  fc.assert(
    fc.property(
      anyStart(12),
      fc.array(fc.tuple(anyStep, fc.nat(), fc.nat()), { minLength: 1, maxLength: 4 }),
      (start, steps) => {
        const world = new World(start);
        for (const [step, device, which] of steps) {
          const [first] = [...world.known.values()].slice(device % Math.max(1, world.known.size));
          const typed = first === undefined ? 'nothing' : [...text(first, which)].slice(0, 12);
          for (let length = 1; length <= typed.length; length++) {
            const query = { ...everyDevice, q: [...typed].slice(0, length).join('') };
            expectSameAsNaive(world.index, world.known, query, undefined);
          }
          world.take(step);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('an index that takes the place of another keeps at once what was asked of that one and finds much', () => {
  const devices = fc
    .sample(anyDevice, { numRuns: 40, seed: 3 })
    .map((device, n) => versioned({ ...device, id: `lamp ${n}`, label: 'hall' }, 1));
  const kept = { cacheBytes: 1 << 20, tallyFrom: 10 };
  const [before, plain, warm] = [0, 1, 2].map(() => new DeviceIndex(segmentOf(devices), kept));
  for (const q of ['la', 'lamp', 'lamp 7', 'no such']) before!.search({ query: { ...everyDevice, q }, limit: 1 });
  expect(before!.recentQueries.map(({ q }) => q)).toEqual(['lamp', 'la']);
  for (const _ of plain!.warmUp());
  for (const _ of warm!.warmUp(before!.recentQueries));
  const bytes = warm!.counts().cacheBytes;
  expect(bytes).toBeGreaterThan(plain!.counts().cacheBytes);
  warm!.search({ query: { ...everyDevice, q: 'lamp' }, limit: 1 });
  expect(warm!.counts().cacheBytes).toBe(bytes);
  expect(warm!.recentQueries.slice(0, 2).map(({ q }) => q)).toEqual(['lamp', 'la']);
});

test('from the third letter on a word finds other ids than its beginning did, though as many', () => {
  const named = (id: string) =>
    versioned({ id, model: '', label: '', capabilities: [], hostnames: [], ips: [], macs: [], tags: [] }, 1);
  const { index } = new World([named('ab9'), named('xyabc')]);
  const found = (q: string) =>
    index.search({ query: { ...everyDevice, q }, limit: 5 }).items.map(({ device }) => device.id);
  expect([found('ab'), found('abc')]).toEqual([['ab9'], ['xyabc']]);
});

const quarters = [0, 1, 2, 3];

test.each(quarters)(
  'so does an index of many devices, whose words are divided, paired and dense (part %i of 4)',
  (part) => {
    const start = fc
      .sample(anyDevice, { numRuns: 400, seed: part })
      .map((device, index) => versioned({ ...device, id: `${device.id}-${index}` }, 1, index % 5 || undefined));
    const world = new World(start, { group: 1 << (2 * part), frequent: 1 << (2 * part) });
    for (const step of fc.sample(anyStep, { numRuns: 12, seed: part })) world.take(step);
    const queries = fc.sample(fc.tuple(anyQuery, anySort), { numRuns: 24, seed: 100 + part });
    for (const [query, sort] of queries) expectSameAsNaive(world.index, world.known, query, sort, 100);
  },
);

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
        const next = new DeviceIndex(segmentOf(world.known.values()));
        for (const step of later) world.take(step);
        // What was missed is done to it, and the follower may read on from before the snapshot: what it has already has no effect.
        next.apply(world.changes);
        for (const { id, lastSeenAt } of world.known.values())
          if (lastSeenAt !== undefined) next.seen([{ id, lastSeenAt }]);
        expect(next.counts().hash).toBe(world.index.counts().hash);
        expectSameAsNaive(next, world.known, query, undefined);
      },
    ),
    { numRuns: 150 },
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
