import { randomUUID } from 'node:crypto';
import { campaignRequest } from '@quell/contracts/campaign';
import { matchesDevice } from '@quell/device-query/match';
import { eventually } from '@quell/testing/eventually';
import type { TestEndpoint } from '../task-store/scene.fixture.ts';
import { type CampaignScene, openCampaigns } from './campaigns.fixture.ts';
import { eachTarget } from './targeting.ts';

let on: CampaignScene;
beforeAll(async () => {
  on = await openCampaigns();
});
afterEach(() => on.stopReplicas());
afterAll(() => on.close());

test('a campaign opens one scan on each endpoint that its query means, skips devices without an agent, and ends with the last scan', async () => {
  const campaigns = on.started();
  const endpoints = await on.tagged('lobby', 3, 2);
  const [outside] = await on.tagged('attic', 1);
  const request = { query: { tag: ['lobby'] }, severity: 4, payload: { paths: ['/srv'] }, name: 'after the outbreak' };
  const id = await on.start(campaigns, request);
  const opened = await on.reaches(campaigns, id, 'running');
  expect(opened).toMatchObject({
    name: 'after the outbreak',
    severity: 4,
    targets: { total: 5, waiting: 0, opened: 3, skipped: 2 },
    tasks: { inProgress: 3, ended: 0, byStatus: { 'mitigation-in-progress': 3 } },
  });
  const { items } = (await campaigns.targets(id, { limit: 500 }))!;
  expect(items.filter(({ state }) => state === 'skipped').map(({ deviceId, reason }) => [deviceId, reason])).toEqual([
    ['lobby-alone-0', 'no agent runs on it'],
    ['lobby-alone-1', 'no agent runs on it'],
  ]);

  for (const endpoint of endpoints) {
    const { handed, codes } = await on.scene.work(endpoint, { outcome: 'finished', threats: [] });
    expect(handed).toMatchObject({ kind: 'on-demand-scan', mode: 'scan', payload: { paths: ['/srv'] } });
    expect(codes).toEqual([200, 200]);
    const [first] = await on.scene.rows(
      'SELECT actor, correlation_id, causation_id FROM mitigation.event WHERE stream_id = $1 AND version = 1',
      handed.taskId,
    );
    expect(first).toEqual({ actor: 'key:test', correlation_id: id, causation_id: id });
  }
  expect(await on.scene.askFor(outside!)).toEqual([]);
  await eventually(async () => {
    expect(await campaigns.find(id)).toMatchObject({
      state: 'finished',
      tasks: { inProgress: 0, ended: 3, byStatus: { 'no-threat-found': 3 } },
    });
    return true;
  });
  expect((await campaigns.list({ limit: 1 })).items).toMatchObject([{ id, state: 'finished' }]);
});

test('a query means what it says of devices; machines that no device is known for are found by name, address and platform', async () => {
  const [one] = await on.tagged('query', 1);
  const described = {
    label: 'Lobby, east wall',
    model: 'nPP16 D',
    capabilities: ['relay'],
    group: 'g7',
    platform: 'linux',
  };
  await on.registers(on.device(one!.deviceId, { ...described, version: 2 }));
  const machine = await on.scene.endpoint();
  await on.scene.rows(
    `UPDATE mitigation.endpoint SET device_id = NULL, hostname = 'lonely-machine' WHERE endpoint_id = $1`,
    machine.endpointId,
  );
  const means = async (query: object) => {
    const found: (string | undefined)[] = [];
    for await (const page of eachTarget(on.scene.pool, on.asked({ query, all: true }).query)) {
      found.push(...page.map(({ endpointId }) => endpointId));
    }
    return [one!, machine].map(({ endpointId }) => found.includes(endpointId));
  };
  expect(await means({})).toEqual([true, true]);
  expect(await means({ q: 'east lob' })).toEqual([true, false]);
  expect(
    await means({ q: 'npp16-d', feature: ['relay'], group: ['g7'], platform: ['linux'], model: ['nPP16 D'] }),
  ).toEqual([true, false]);
  expect(await means({ feature: ['wireless'] })).toEqual([false, false]);
  expect(await means({ feature: ['wireless', 'relay'], match: 'any' })).toEqual([true, false]);
  expect(await means({ feature: ['wireless', 'relay'], match: 'all' })).toEqual([false, false]);
  expect(await means({ q: 'lonely' })).toEqual([false, true]);
  expect(await means({ platform: ['linux'] })).toEqual([true, true]);
  expect(await means({ platform: ['windows'] })).toEqual([false, false]);
  expect(await means({ model: [''] })).toEqual([false, true]);
  expect(await means({ model: ['', 'nPP16 D'], platform: ['linux'] })).toEqual([true, true]);
  expect(await means({ model: [''], group: ['g7'] })).toEqual([false, false]);
  expect(await means({ tag: ['query'] })).toEqual([false, false]);
  expect(await means({ q: '-' })).toEqual([false, false]);
});

test('what Postgres leaves out by words is nothing that the query means, whatever letters are in texts and words', async () => {
  const described = [
    { label: 'Zürich-Süd, floor 7' },
    { label: 'Straße 12', hostnames: ['İSTANBUL-1', 'plain_host'] },
    { model: 'nPP16 D', macs: ['00:11:22:aa:bb:cc'], ips: ['10.0.12.7', 'fe80::1'] },
    { label: 'Жук/ＡＢＣ', model: 'ﬁx-1' },
    { label: 'e\u0301tage\t2', hostnames: ['a.b-c'] },
  ].map((facts, index) => ({ ...on.device(`Words-${index}_x`, { group: 'words', ...facts }) }));
  await on.registers(...described);
  const texts = [
    ...[
      'zurich',
      'ZÜRICH süd',
      'sud zur',
      'flo',
      'floor7',
      'strasse',
      'STRAẞE',
      'istanbul',
      'plainhost',
      'plain-h',
      'npp16d',
      'npp 16',
    ],
    ...[
      '16 d',
      '00-11',
      '1122aa',
      '10.0.12.7',
      '10.0.1',
      'fe80:',
      'fe80::1',
      'жук',
      'abc',
      'ａｂｃ',
      'fix',
      'ﬁx1',
      'etage',
      'étage 2',
      'abc',
      'a.b',
    ],
    ...['words', 'Words-2_x', 'ds-2', 'nothing-there'],
  ];
  for (const q of texts) {
    const { query } = on.asked({ query: { q, group: ['words'] } });
    const found: (string | undefined)[] = [];
    for await (const page of eachTarget(on.scene.pool, query)) found.push(...page.map(({ deviceId }) => deviceId));
    const meant = described.flatMap((news) => (news.kind === 'device' ? [news.record] : []));
    expect([q, found]).toEqual([q, meant.filter((record) => matchesDevice(query, record)).map(({ id }) => id)]);
  }
});

test('an empty query has to be meant; a preview opens nothing; a set that is not the expected one opens nothing', async () => {
  expect(campaignRequest.safeParse({ query: {} }).error?.issues[0]?.path).toEqual(['query']);
  const campaigns = on.started();
  await on.tagged('counted', 2, 1);
  const query = { tag: ['counted'] };
  const preview = await campaigns.preview(on.asked({ query }).query, on.here);
  expect(preview).toMatchObject({ count: 3, skipped: 1 });
  expect(preview.examples).toHaveLength(3);
  expect(await campaigns.start(on.asked({ query, expectedCount: 2 }), { actor: 'key:test' }, on.here)).toEqual({
    ok: false,
    code: 'conflict',
    detail: 'The query means 3, not 2. Nothing was opened.',
  });
  const right = await on.start(campaigns, { query, expectedCount: 3 });
  await on.reaches(campaigns, right, 'running');
});

test('a preview ends when its caller has left, and those beyond a few at once are told to come again', async () => {
  const campaigns = on.replica();
  await on.tagged('previewed', 1);
  const { query } = on.asked({ query: { tag: ['previewed'] } });
  const left = new AbortController();
  left.abort(new Error('the caller left'));
  await expect(campaigns.preview(query, left.signal)).rejects.toThrow('the caller left');

  const lock = await on.scene.pool.connect();
  await lock.query('BEGIN; LOCK TABLE mitigation.known_device IN ACCESS EXCLUSIVE MODE');
  const held = [1, 2].map(() => campaigns.preview(query, on.here));
  await expect(campaigns.preview(query, on.here)).rejects.toMatchObject({
    problem: { status: 503 },
    headers: { 'retry-after': '5' },
  });
  await lock.query('ROLLBACK');
  lock.release();
  expect(await Promise.all(held)).toMatchObject([{ count: 1 }, { count: 1 }]);
  expect(await campaigns.preview(query, on.here)).toMatchObject({ count: 1 });
});

test('a set that became another one before it was fixed opens nothing; a repeat under its key answers that campaign', async () => {
  const campaigns = on.replica();
  await on.tagged('moved', 2);
  const key = randomUUID();
  const request = { query: { tag: ['moved'] }, expectedCount: 2 };
  const id = await on.start(campaigns, request, key);
  await on.tagged('moved', 1);
  expect(await on.start(campaigns, request, key)).toBe(id);
  campaigns.run();
  expect(await on.reaches(campaigns, id, 'failed')).toMatchObject({
    error: 'The query means 3 by now, not 2. Nothing was opened.',
    tasks: { inProgress: 0 },
  });
  expect(await campaigns.cancel(id, { queuedTasks: 'withdraw' }, 'key:test')).toMatchObject({
    ok: false,
    code: 'conflict',
  });
});

test('the same Idempotency-Key starts one campaign, also at once; another body under it is refused', async () => {
  const campaigns = on.started();
  await on.tagged('once', 1);
  const key = randomUUID();
  const request = { query: { tag: ['once'] } };
  const ids = await Promise.all(Array.from({ length: 5 }, () => on.start(campaigns, request, key)));
  expect(new Set(ids).size).toBe(1);
  await expect(on.start(campaigns, { ...request, severity: 3 }, key)).rejects.toThrow('another body');
  expect(await on.reaches(campaigns, ids[0]!, 'running')).toMatchObject({ targets: { opened: 1 } });
});

test('a bound on its open tasks holds: the next one is opened when one has ended', async () => {
  const campaigns = on.started();
  const endpoints = await on.tagged('paced', 3);
  const id = await on.start(campaigns, { query: { tag: ['paced'] }, maxConcurrent: 1 });
  const done = new Set<TestEndpoint>();
  while (done.size < endpoints.length) {
    const [endpoint] = await eventually(
      async () => {
        const working = await on.scene.rows(
          'SELECT endpoint_id FROM mitigation.work WHERE endpoint_id = ANY($1)',
          endpoints.map(({ endpointId }) => endpointId),
        );
        expect(working.length).toBeLessThanOrEqual(1);
        return working.length === 1 && endpoints.filter(({ endpointId }) => endpointId === working[0].endpoint_id);
      },
      { timeoutMs: 30_000 },
    );
    await on.scene.work(endpoint!, { outcome: 'finished', threats: [] });
    done.add(endpoint!);
  }
  await on.reaches(campaigns, id, 'finished');
}, 60_000);

test('targets page through each once, and can be filtered by what became of them', async () => {
  const campaigns = on.started();
  await on.tagged('paged', 5, 2);
  const id = await on.start(campaigns, { query: { tag: ['paged'] } });
  await on.reaches(campaigns, id, 'running');
  const seen: (string | undefined)[] = [];
  let cursor: string | undefined;
  do {
    const page = (await campaigns.targets(id, { limit: 3, ...(cursor === undefined ? {} : { cursor }) }))!;
    seen.push(...page.items.map(({ deviceId }) => deviceId));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  expect([seen.length, new Set(seen).size]).toEqual([7, 7]);
  const { items } = (await campaigns.targets(id, { limit: 500, state: ['opened'] }))!;
  expect(items).toHaveLength(5);
  expect(await campaigns.targets(randomUUID(), { limit: 5 })).toBeUndefined();
});
