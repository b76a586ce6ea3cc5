import { randomUUID } from 'node:crypto';
import { eventually } from '@quell/testing/eventually';
import type { AppendResult, StreamAppend } from './append.ts';
import type { StoredEvent } from './event.ts';
import { feedStart } from './feed.ts';
import { someEvent, someEvents } from './some-event.fixture.ts';
import type { EventStore } from './store.ts';
import type { Upcasters } from './upcast.ts';

/** An empty store for one test. */
export interface StoreUnderTest {
  readonly store: EventStore;
  close(): Promise<void>;
}

/** Registers the tests that every adapter of the event store must pass. The factory is called once per test. */
export function eventStoreConformance(adapter: string, open: (upcasters: Upcasters) => Promise<StoreUnderTest>): void {
  describe(`${adapter} as an event store`, () => {
    let opened: StoreUnderTest;
    let store: EventStore;
    beforeEach(async () => {
      opened = await open({ Renamed: { 1: (data) => ({ schemaVersion: 2, data: { lifted: data } }) } });
      store = opened.store;
    });
    afterEach(() => opened.close());

    const append = (...appends: StreamAppend[]) => store.transact((transaction) => transaction.append(appends));
    const refused = (...appends: StreamAppend[]) => refusalOf(store, appends);
    const load = async (streamId: string) =>
      (await store.transact((transaction) => transaction.load([streamId]))).get(streamId) ?? [];

    test('an event comes back as it was appended, with its place', async () => {
      const streamId = randomUUID();
      const event = {
        ...someEvent(),
        causationId: randomUUID(),
        traceparent: '00-1-2-01',
        data: { text: '€ "\\ \u0000', none: null },
      };
      const result = await append({ streamId, expectedVersion: 0, events: [event] });
      const [stored] = await load(streamId);
      expect(stored).toMatchObject({ ...event, streamId, version: 1 });
      expect(result).toEqual({
        ok: true,
        streams: new Map([[streamId, { version: 1, recordedAt: stored?.recordedAt }]]),
      });
    });

    test('versions of a stream are dense from 1 over several appends, and recordedAt never decreases', async () => {
      const streamId = randomUUID();
      for (const [expectedVersion, count] of [
        [0, 3],
        [3, 1],
        [4, 2],
      ] as const) {
        await append({ streamId, expectedVersion, events: someEvents(count) });
      }
      const events = await load(streamId);
      expect(events.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6]);
      const times = events.map(({ recordedAt }) => recordedAt.getTime());
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    test('one append moves many streams, new and old', async () => {
      const [old, fresh] = [randomUUID(), randomUUID()];
      await append({ streamId: old, expectedVersion: 0, events: someEvents(1) });
      const result = await append(
        { streamId: old, expectedVersion: 1, events: someEvents(2) },
        { streamId: fresh, expectedVersion: 0, events: someEvents(1) },
      );
      expect(result.ok && [...result.streams].map(([id, { version }]) => [id, version])).toEqual(
        expect.arrayContaining([
          [old, 3],
          [fresh, 1],
        ]),
      );
    });

    test.each([
      ['behind the head', 0],
      ['ahead of the head', 2],
    ])(
      'an expected version %s is a conflict that names the stream and keeps everything out',
      async (_, expectedVersion) => {
        const [stream, bystander] = [randomUUID(), randomUUID()];
        await append({ streamId: stream, expectedVersion: 0, events: someEvents(1) });
        const result = await refused(
          { streamId: bystander, expectedVersion: 0, events: someEvents(1) },
          { streamId: stream, expectedVersion, events: someEvents(1) },
        );
        expect(result).toEqual({ ok: false, conflicts: [stream], duplicates: [] });
        expect(await load(stream)).toHaveLength(1);
        expect(await load(bystander)).toEqual([]);
      },
    );

    test.each([1, 2])('events expected on a stream that does not exist are a conflict (%d events)', async (count) => {
      const streamId = randomUUID();
      const result = await refused({ streamId, expectedVersion: 1, events: someEvents(count) });
      expect(result).toEqual({ ok: false, conflicts: [streamId], duplicates: [] });
      expect(await load(streamId)).toEqual([]);
    });

    test('a stored event id is a duplicate, told apart from a conflict, and keeps everything out', async () => {
      const [first, second] = [randomUUID(), randomUUID()];
      const event = someEvent();
      await append({ streamId: first, expectedVersion: 0, events: [event] });
      const result = await refused({ streamId: second, expectedVersion: 0, events: [someEvent(), event] });
      expect(result).toEqual({ ok: false, conflicts: [], duplicates: [event.id] });
      expect(await load(second)).toEqual([]);
    });

    test('a refused append is not committed by work that ignores the answer', async () => {
      const streamId = randomUUID();
      await append({ streamId, expectedVersion: 0, events: someEvents(1) });
      await expect(append({ streamId, expectedVersion: 0, events: someEvents(1) })).rejects.toThrow();
      expect(await load(streamId)).toHaveLength(1);
    });

    test('of many writers that expect the same version one wins', async () => {
      const streamId = randomUUID();
      const writers = Array.from({ length: 4 }, () =>
        append({ streamId, expectedVersion: 0, events: someEvents(2) }).then(
          () => 'won',
          () => 'lost',
        ),
      );
      expect((await Promise.all(writers)).filter((outcome) => outcome === 'won')).toHaveLength(1);
      expect(await load(streamId)).toHaveLength(2);
    });

    test('a second append in one transaction is refused', async () => {
      const twice = store.transact(async (transaction) => {
        await transaction.append([{ streamId: randomUUID(), expectedVersion: 0, events: someEvents(1) }]);
        await transaction.append([{ streamId: randomUUID(), expectedVersion: 0, events: someEvents(1) }]);
      });
      await expect(twice).rejects.toMatchObject({ code: 'ES001' });
      expect(await store.feed(feedStart, 10)).toEqual([]);
    });

    test('a stream is read as of a version, and as of a time, and behind a version', async () => {
      const streamId = randomUUID();
      await append({ streamId, expectedVersion: 0, events: someEvents(3) });
      const whole = await load(streamId);
      const until = async (asOf: Date | number) =>
        (await store.transact((transaction) => transaction.loadUntil([streamId], { asOf }))).get(streamId);
      const recordedAt = (whole[0] as StoredEvent).recordedAt;
      expect(await until(2)).toEqual(whole.slice(0, 2));
      const between = await store.transact((transaction) => transaction.loadUntil([streamId], { asOf: 3, after: 1 }));
      expect(between.get(streamId)).toEqual(whole.slice(1, 3));
      expect(await until(recordedAt)).toEqual(whole);
      expect(await until(new Date(recordedAt.getTime() - 1))).toEqual([]);
    });

    test('old schema versions are lifted by load and by the feed', async () => {
      const streamId = randomUUID();
      await append({ streamId, expectedVersion: 0, events: [{ ...someEvent(), type: 'Renamed', data: 7 }] });
      const lifted = { type: 'Renamed', schemaVersion: 2, data: { lifted: 7 } };
      expect(await load(streamId)).toMatchObject([lifted]);
      expect(await feedUntil(store, 1, 10)).toMatchObject([lifted]);
    });

    test('the feed gives every event once, in pages, each stream in order', async () => {
      const streams = Array.from({ length: 5 }, () => randomUUID());
      for (let version = 0; version < 4; version++) {
        await append(...streams.map((streamId) => ({ streamId, expectedVersion: version, events: someEvents(1) })));
      }
      const seen = await feedUntil(store, 20, 3);
      for (const streamId of streams) {
        expect(seen.filter((event) => event.streamId === streamId)).toEqual(await load(streamId));
      }
      expect(seen).toHaveLength(20);
    });
  });
}

/** Reads the feed in pages until it has given so many events; the gate may hold some back while others write in the cluster. */
async function feedUntil(store: EventStore, count: number, pageSize: number): Promise<StoredEvent[]> {
  const seen: StoredEvent[] = [];
  let after = feedStart;
  await eventually(
    async () => {
      const page = await store.feed(after, pageSize);
      seen.push(...page);
      after = page.at(-1) ?? after;
      return page.length === 0 && seen.length >= count;
    },
    { everyMs: 1 },
  );
  return seen;
}

async function refusalOf(store: EventStore, appends: readonly StreamAppend[]): Promise<AppendResult | undefined> {
  let result: AppendResult | undefined;
  const committed = store.transact(async (transaction) => {
    result = await transaction.append(appends);
  });
  await expect(committed).rejects.toThrow();
  return result;
}
