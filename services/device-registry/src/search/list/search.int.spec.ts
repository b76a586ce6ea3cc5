import { once } from 'node:events';
import { connect } from 'node:net';
import type { DeviceQuery } from '@quell/contracts/device-query';
import { devicePage } from '@quell/contracts/device-search';
import { anyQuery } from '@quell/device-query/device.arbitrary';
import { highlightDevice } from '@quell/device-query/highlight';
import { naiveSearch } from '@quell/device-query/naive-search.fixture';
import { parseQueryText } from '@quell/device-query/parse-query';
import { Registry } from '@quell/service-kit/metrics';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import { positionText } from '../../device-store/position.ts';
import { indexedDevice } from '../live/indexed-device.ts';
import { parametersOf } from '../query-path.fixture.ts';
import { devicesAt, someChanges, write } from '../registry.fixture.ts';
import { type Replica, type SearchScene, searchScene } from '../replica.fixture.ts';

let scene: SearchScene;
let one: Replica;
let other: Replica;
beforeAll(async () => {
  scene = await searchScene();
  await write(scene.database.pool, someChanges(150, 11));
  one = await scene.replica();
  // Builds a new base all the time.
  other = await scene.replica({ QUELL_SEARCH_REBUILD_AT: '1' });
  await Promise.all([one.ready(), other.ready()]);
});
afterAll(() => scene?.drop());

const blank: DeviceQuery = { q: '', feature: [], match: 'all', group: [], platform: [], model: [], tag: [] };

test('over HTTP any query finds what a scan of the same devices finds, page by page, on each replica the same to the byte', async () => {
  for (const round of [1, 2]) {
    const position = await write(scene.database.pool, someChanges(60, 20 + round));
    const devices = [...(await eventually(() => devicesAt(scene.database.pool, position))).values()].map((device) =>
      indexedDevice(device),
    );
    await Promise.all([one, other].map((replica) => replica.reached(position)));
    for (const query of fc.sample(anyQuery, { numRuns: 30, seed: round })) {
      const parameters = parametersOf(query, {
        sort: 'relevance',
        limit: '25',
        minPosition: positionText(position),
        waitMs: '1000',
      });
      const pages = await one.pages(`/v1/devices?${parameters}`);
      const wanted = naiveSearch(devices, query);
      const found = pages.flatMap(({ items }) => items);
      expect([query, found.map(({ id }) => id)]).toEqual([query, wanted.found.map(({ id }) => id)]);
      const text = parseQueryText(query.q);
      for (const page of pages) {
        expect(devicePage.parse(page)).toEqual(page);
        expect(page).toMatchObject({ total: wanted.found.length, matched: wanted.matched, complete: true });
        expect(page.facets?.capabilities).toEqual(wanted.facets.capabilities);
        expect(Object.entries(page.facets?.groups ?? {}).sort()).toEqual(
          wanted.facets.groups.values.map(({ value, count }) => [value, count]).sort(),
        );
        expect(page.stale).toBeUndefined();
      }
      for (const { highlights, ...item } of found) {
        expect(highlights).toEqual(highlightDevice(text, item, wanted.matched));
      }
      const [mine, theirs] = await Promise.all([one, other].map(({ get }) => get(`/v1/devices?${parameters}`)));
      expect(theirs?.text).toBe(mine?.text);
    }
  }
}, 120_000);

test('without words the most recently seen come first, those never seen last; so they do with -lastSeen', async () => {
  const { pool } = scene.database;
  const { rows } = await pool.query(
    'SELECT id FROM device_registry.device WHERE retired_at IS NULL ORDER BY md5(id) LIMIT 9',
  );
  const seen = rows.map(({ id }, index) => [id, new Date(Date.UTC(2026, 0, 1 + index)).toISOString()] as const);
  for (const [id, at] of seen) {
    await pool.query(`INSERT INTO device_registry.device_seen (device_id, last_seen_at) VALUES ($1, $2)`, [id, at]);
  }
  const wanted = seen.map(([id]) => id).reverse();
  const page = await eventually(async () => {
    const { body } = await one.get('/v1/devices?limit=500');
    return (
      body.items
        .slice(0, 9)
        .map(({ id }) => id)
        .join() === wanted.join() && body
    );
  });
  expect(page.items.slice(0, 10).map(({ lastSeenAt }) => lastSeenAt)).toEqual([
    ...seen.map(([, at]) => at).reverse(),
    undefined,
  ]);
  const { body: reversed } = await one.get('/v1/devices?limit=500&sort=-lastSeen');
  expect(reversed.items.slice(0, 9)).toEqual(page.items.slice(0, 9).reverse());
  expect(reversed.items.slice(9)).toEqual(page.items.slice(9));
});

test.each(['label', 'id', 'model'])(
  'sort=%s has each device once over all pages, and - turns it round',
  async (sort) => {
    const path = (order: string) =>
      `/v1/devices?${parametersOf({ ...blank, match: 'any' }, { sort: order, limit: '4' })}`;
    const pages = await one.pages(path(sort));
    const ids = pages.flatMap(({ items }) => items.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBe(pages[0]?.total);
    const reversed = await one.pages(path(`-${sort}`));
    expect(reversed.flatMap(({ items }) => items.map(({ id }) => id))).toEqual(ids.reverse());
  },
);

test('a cursor of another query, another order or of nobody is refused', async () => {
  const { body } = await one.get('/v1/devices?limit=1&sort=id');
  expect(body.nextCursor).toBeDefined();
  for (const path of [
    `/v1/devices?limit=1&sort=label&cursor=${body.nextCursor}`,
    `/v1/devices?limit=1&sort=id&q=a&cursor=${body.nextCursor}`,
    '/v1/devices?cursor=abc',
    `/v1/devices?cursor=${Buffer.from('["x","as-typed",{"a":1}]').toString('base64url')}`,
  ]) {
    const { status, text } = await one.get(path);
    expect([path, status, text.includes('"pointer":"/cursor"')]).toEqual([path, 400, true]);
  }
});

test('what is wrong in a query is refused by name', async () => {
  const refused = await one.get<{ errors: object[] }>('/v1/devices?feature=relay&feature=wifi&size=3');
  expect(refused).toMatchObject({ status: 400 });
  expect(refused.body.errors).toMatchObject([
    { pointer: '/feature/1', detail: expect.stringContaining('"wifi"') },
    { pointer: '/size' },
  ]);
  expect((await one.get('/v1/devices/suggest?q=a&feature=x')).status).toBe(400);
});

test('a position that is not reached in time makes an answer stale, never an error', async () => {
  const { body } = await one.get('/v1/devices?minPosition=999999999999-1&waitMs=0');
  expect(body).toMatchObject({ stale: true, complete: true });
});

test('a search whose client is gone before its turn is not done', async () => {
  const { port } = new URL(one.service.url);
  const abandoned = async () => {
    const metric = await one.service.app.get(Registry).getSingleMetric('device_registry_search_abandoned_total')?.get();
    return metric?.values[0]?.value ?? 0;
  };
  await eventually(async () => {
    // As somebody types: each key gives up the request of the key before.
    const sockets = Array.from({ length: 30 }, () => connect(Number(port), '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const request = `GET /v1/devices?q=n&limit=500 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${scene.key}\r\n\r\n`;
    for (const socket of sockets) socket.write(request, () => socket.destroy());
    return (await abandoned()) > 0;
  });
  expect((await one.get('/v1/devices?q=n')).status).toBe(200);
});

test('suggestions are the first hits of the search', async () => {
  const words = ['npp', 'room', 'in-0', '7', 'konferemz', 'zzz'];
  for (const q of words) {
    const { body: page } = await one.get(`/v1/devices?q=${q}&limit=8`);
    const { body } = await one.get<{ items: { id: string }[] }>(`/v1/devices/suggest?q=${q}`);
    expect(body).toMatchObject({ matched: page.matched, position: page.position });
    expect(body.items).toEqual(
      page.items.map(({ id, model, label, highlights }) => ({ id, model, label, highlights })),
    );
  }
});
