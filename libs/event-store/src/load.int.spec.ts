import { randomUUID } from 'node:crypto';
import { append } from './append.ts';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';
import { load, storedEventIds } from './load.ts';
import { someEvents } from './some-event.fixture.ts';

let store: FreshStore;
beforeAll(async () => {
  store = await freshStore();
});
afterAll(() => store.close());

test('after a duplicate, the ids that are stored are told apart from the new ones', async () => {
  const client = await store.connect();
  const known = someEvents(2);
  await append(client, 'es', [{ streamId: randomUUID(), expectedVersion: 0, events: known }]);
  const ids = [...known, ...someEvents(2)].map(({ id }) => id);
  expect(await storedEventIds(client, 'es', ids)).toEqual(new Set(known.map(({ id }) => id)));
  expect(await storedEventIds(client, 'es', [])).toEqual(new Set());
});

test('every stream asked for is answered, and an id in another form than Postgres writes is refused', async () => {
  const missing = randomUUID();
  expect(await load(store.pool, 'es', [missing])).toEqual(new Map([[missing, []]]));
  expect(await load(store.pool, 'es', [])).toEqual(new Map());
  await expect(load(store.pool, 'es', [missing.toUpperCase()])).rejects.toThrow(/streamId must be a lower-case UUID/);
});
