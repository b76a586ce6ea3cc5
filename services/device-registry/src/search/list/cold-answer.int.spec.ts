import { devicePage } from '@quell/contracts/device-search';
import { write } from '../registry.fixture.ts';
import { type Replica, type SearchScene, searchScene } from '../replica.fixture.ts';

let scene: SearchScene;
let cold: Replica;
beforeAll(async () => {
  scene = await searchScene();
  const bring = (deviceId: string, facts: object) => ({
    deviceId,
    causeId: '00000000-0000-4000-8000-000000000000',
    command: { kind: 'bring', facts, source: 'import' } as const,
  });
  await write(scene.database.pool, [
    bring('IN-0031', { capabilities: ['relay'], group: 'North' }),
    bring('IN-0032', { label: 'IN-0031 is beside it', capabilities: ['relay', 'wireless'], tags: ['new'] }),
    bring('in-0033', { model: 'nWSD' }),
    bring('X', {}),
  ]);
  for (const [id, at] of [
    ['X', '2026-02-01'],
    ['IN-0032', '2026-01-01'],
  ]) {
    await scene.database.pool.query('INSERT INTO device_registry.device_seen VALUES ($1, $2)', [id, at]);
  }
  cold = await scene.replica({}, false);
});
afterAll(() => scene?.drop());

test.each([
  ['', ['IN-0032', 'X']],
  ['q=IN-003', ['IN-0031', 'IN-0032']],
  ['q=IN-003&feature=relay,wireless', ['IN-0032']],
  ['q=IN-003&feature=wireless,photocell&match=any', ['IN-0032']],
  ['q=IN-003&group=North', ['IN-0031']],
  ['q=in-0033&model=nWSD', ['in-0033']],
  ['tag=new', ['IN-0032']],
  ['q=-', []],
])('without an index Postgres answers %j with %j, and says that there may be more', async (parameters, ids) => {
  const { status, body } = await cold.get(`/v1/devices?${parameters}`);
  expect(status).toBe(200);
  expect(devicePage.parse(body)).toMatchObject({ complete: false, position: expect.stringMatching(/^\d+-\d+$/) });
  expect(body).not.toHaveProperty('total');
  expect(body).not.toHaveProperty('facets');
  expect(body.items.map(({ id }) => id)).toEqual(ids);
});

test('what needs the index is refused with when to come again, and the replica says that it is not ready', async () => {
  for (const path of [
    '/v1/devices?sort=label',
    '/v1/devices?cursor=abc',
    '/v1/devices/suggest?q=a',
    '/v1/devices/watch',
  ]) {
    const { status, headers } = await cold.get(path);
    expect([path, status, headers.get('retry-after')]).toEqual([path, 503, '2']);
  }
  const { status, body } = await cold.get<{ checks: Record<string, string> }>('/readyz');
  expect([status, body.checks.search]).toEqual([503, 'the search index is being built: not started']);
});
