import type { DevicePage } from '@quell/contracts/device-search';
import { Registry } from '@quell/service-kit/metrics';
import { eventually } from '@quell/testing/eventually';
import { positionText } from '../../device-store/position.ts';
import { devicesAt, someChanges, write } from '../registry.fixture.ts';
import { type Replica, type SearchScene, searchScene } from '../replica.fixture.ts';

let scene: SearchScene;
beforeAll(async () => {
  scene = await searchScene();
});
afterAll(() => scene?.drop());

const ids = (pages: readonly DevicePage[]) => pages.flatMap(({ items }) => items.map(({ id }) => id));
const idsAndVersions = (pages: readonly DevicePage[]) =>
  pages.flatMap(({ items }) => items.map(({ id, version }) => `${id} ${version}`)).sort();
const figure = async ({ service }: Replica, name: string) => {
  const metric = service.app.get(Registry).getSingleMetric(name);
  return (await metric?.get())?.values[0]?.value;
};

test('a change is found by whoever names the position that its write answered', async () => {
  const replica = await scene.replica();
  await replica.ready();
  for (const [index, change] of someChanges(30, 5).entries()) {
    const label = `Werkbank ${index}`;
    const bring = { kind: 'bring', facts: { label }, source: 'api' } as const;
    const position = await write(scene.database.pool, [{ ...change, command: bring }]);
    const path = `/v1/devices?q=werkbank+${index}&minPosition=${positionText(position)}&waitMs=1000`;
    const body = await eventually(async () => {
      const answer = await replica.get(path);
      // The feed waits for writers of other tests' databases too.
      return answer.body.stale === undefined && answer.body;
    });
    expect(body.items.map(({ id }) => id)).toContain(change.deviceId);
  }
}, 60_000);

test('while writers write, new bases are built and nothing is lost: all replicas, also one that starts then, end as the streams tell', async () => {
  const { pool } = scene.database;
  const steady = await scene.replica();
  const rebuilding = await scene.replica({ QUELL_SEARCH_REBUILD_AT: '1' });
  await Promise.all([steady.ready(), rebuilding.ready()]);
  let writing = true;
  const asking = (async () => {
    let answers = 0;
    for (; writing; answers++) {
      const { status, body } = await rebuilding.get('/v1/devices?q=n&limit=50');
      expect([status, body.complete]).toEqual([200, true]);
    }
    return answers;
  })();
  const writers = [1, 2, 3].map((writer) => write(pool, someChanges(250, 100 + writer), 5));
  const late = await scene.replica({ QUELL_SEARCH_REBUILD_AT: '1' });
  await eventually(async () => ((await figure(rebuilding, 'device_registry_index_builds')) ?? 0) > 2, {
    timeoutMs: 90_000,
  });
  const positions = await Promise.all(writers);
  writing = false;
  expect(await asking).toBeGreaterThan(0);
  await late.ready();

  const last = positions.reduce((a, b) => (a.txid > b.txid ? a : b));
  const wanted = await eventually(() => devicesAt(pool, last));
  await Promise.all([steady, rebuilding, late].map((replica) => replica.reached(last)));
  const path = `/v1/devices?sort=id&limit=40&minPosition=${positionText(last)}&waitMs=1000`;
  const answers = await Promise.all([steady, rebuilding, late].map((replica) => replica.pages(path)));
  for (const pages of answers) {
    expect(pages[0]?.position).toBe(positionText(last));
    expect(idsAndVersions(pages)).toEqual([...wanted.values()].map(({ id, version }) => `${id} ${version}`).sort());
  }
  const texts = await Promise.all([steady, rebuilding, late].map(async (replica) => (await replica.get(path)).text));
  expect(new Set(texts).size).toBe(1);
  for (const replica of [steady, rebuilding, late])
    expect(await figure(replica, 'device_registry_index_divergences')).toBe(0);
  const hashes = [steady, rebuilding, late].map((replica) => figure(replica, 'device_registry_index_hash'));
  expect(new Set(await Promise.all(hashes)).size).toBe(1);
}, 120_000);

test('pages read while others change have every device whose sort key stays exactly once', async () => {
  const { pool } = scene.database;
  const replica = await scene.replica({ QUELL_SEARCH_REBUILD_AT: '1' });
  await replica.ready();
  const label = (deviceId: string, text: string, index: number) => ({
    deviceId,
    causeId: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    command: { kind: 'bring', facts: { label: text }, source: 'api' } as const,
  });
  const steady = Array.from({ length: 120 }, (_, index) => `steady-${index}`);
  const moving = Array.from({ length: 40 }, (_, index) => `moving-${index}`);
  const position = await write(pool, [
    ...steady.map((id, index) => label(id, `Paging ${index % 30}`, index)),
    ...moving.map((id, index) => label(id, `Paging ${index}`, 1_000 + index)),
  ]);
  let reading = true;
  const writing = (async () => {
    for (let round = 0; reading; round++) {
      const index = 10_000 + round;
      // Others come, go and move; the steady ones change what the order does not know of.
      await write(pool, [
        label(moving[round % 40]!, `Paging ${(round * 7) % 60}`, index),
        {
          deviceId: moving[(round + 20) % 40]!,
          causeId: `10000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
          command: { kind: 'retire' },
        },
        {
          deviceId: steady[round % 120]!,
          causeId: `20000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
          command: { kind: 'tag', add: [`t${round}`], remove: [] },
        },
      ]);
    }
  })();
  await replica.reached(position);
  for (const sort of ['label', '-label', 'relevance', 'id']) {
    const found = ids(await replica.pages(`/v1/devices?q=paging&sort=${sort}&limit=9`));
    const counts = new Map(steady.map((id) => [id, found.filter((other) => other === id).length]));
    expect([sort, [...counts].filter(([, count]) => count !== 1)]).toEqual([sort, []]);
  }
  reading = false;
  await writing;
}, 60_000);

test('a base that Postgres gives otherwise than events did is noticed, told, and used', async () => {
  const { pool } = scene.database;
  const replica = await scene.replica({ QUELL_SEARCH_REBUILD_AT: '1' });
  await replica.ready();
  const position = await write(pool, someChanges(20, 77));
  const [copy] = (
    await devicesAt(pool, await eventually(async () => (await devicesAt(pool, position)) && position))
  ).values();
  // As a row would be that somebody wrote by hand.
  await pool.query(
    `INSERT INTO device_registry.device SELECT 'by hand', gen_random_uuid(), 1, model, 'By hand', capabilities, hostnames, ips, macs, platform,
       group_name, tags, agent_id, told, registered_at, updated_at, NULL FROM device_registry.device WHERE id = $1`,
    [copy?.id],
  );
  await write(pool, someChanges(20, 78));
  await eventually(async () => (await figure(replica, 'device_registry_index_divergences')) === 1, {
    timeoutMs: 30_000,
  });
  expect((await replica.get('/v1/devices?q=by+hand')).body.items).toMatchObject([{ id: 'by hand' }]);
  await pool.query(`DELETE FROM device_registry.device WHERE id = 'by hand'`);
}, 60_000);

test('a replica that cannot follow is not ready until it can', async () => {
  const replica = await scene.replica({ QUELL_SEARCH_MAX_LAG_SECONDS: '0.6' });
  await replica.ready();
  const blocker = await scene.database.pool.connect();
  await blocker.query('BEGIN; LOCK TABLE device_registry.event IN ACCESS EXCLUSIVE MODE');
  const unready = await eventually(async () => {
    const { status, body } = await replica.get<{ checks: Record<string, string> }>('/readyz');
    return status === 503 && body;
  });
  expect(unready.checks.search).toMatch(/^the search index is \d+ s behind$/);
  await blocker.query('COMMIT');
  blocker.release();
  await replica.ready();
}, 60_000);
