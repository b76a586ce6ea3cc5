import { randomUUID } from 'node:crypto';
import { type CampaignRequest, campaignRequest } from '@quell/contracts/campaign';
import { projectionRunner } from '@quell/event-store/projection';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { eventually } from '@quell/testing/eventually';
import type { Pool } from 'pg';
import { type DeviceNews, takeDevices } from '../devices/known-devices.ts';
import { defaultPolicy } from '../policy/policy.ts';
import { PolicyStore } from '../policy/policy-store.ts';
import { openScene, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { taskViewProjection } from '../views/task-view.projection.ts';
import { campaignTaskId } from './campaign-job.ts';
import { Campaigns } from './campaigns.ts';
import { eachTarget } from './targeting.ts';

let scene: Scene;
let view: { stop(): Promise<void> };
const log = createLog('test', 'silent');
const running: Campaigns[] = [];

beforeAll(async () => {
  scene = await openScene();
  const follower = projectionRunner(taskViewProjection, {
    connection: { connectionString: scene.database.fresh.url },
    pollMilliseconds: 20,
  });
  follower.start();
  view = follower;
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});
afterAll(async () => {
  await view.stop();
  await scene.close();
});

function replica(pool: Pool = scene.pool): Campaigns {
  const policies = new PolicyStore(pool, defaultPolicy());
  const one = new Campaigns({ pool, longReads: scene.pool, policies, onTaskChange: () => {} }, log);
  running.push(one);
  return one;
}

function started(pool?: Pool): Campaigns {
  const one = replica(pool);
  one.run();
  return one;
}

const device = (id: string, more: object = {}): DeviceNews => ({
  kind: 'device',
  record: {
    id,
    version: 1,
    model: '',
    label: '',
    capabilities: [],
    hostnames: [],
    ips: [],
    macs: [],
    tags: [],
    ...more,
  },
});
const registers = (...news: DeviceNews[]) =>
  inTransaction(scene.pool, (client) => takeDevices(client, news, new Date()));

/** Endpoints whose devices carry the tag, `agentless` of them without an agent. */
async function tagged(tag: string, count: number, agentless = 0): Promise<TestEndpoint[]> {
  const endpoints = await Promise.all(Array.from({ length: count }, () => scene.endpoint()));
  await registers(
    ...endpoints.map(({ deviceId }) => device(deviceId, { tags: [tag] })),
    ...Array.from({ length: agentless }, (_, index) => device(`${tag}-alone-${index}`, { tags: [tag] })),
  );
  return endpoints;
}

const asked = (more: object): CampaignRequest => campaignRequest.parse(more);
const start = async (campaigns: Campaigns, more: object, key?: string) => {
  const idempotency = key === undefined ? {} : { idempotency: { owner: 'owner', key } };
  const answer = await campaigns.start(asked(more), { actor: 'key:test', ...idempotency });
  if (!answer.ok) throw new Error(answer.detail);
  return answer.campaign.id;
};
const reaches = (campaigns: Campaigns, id: string, state: string) =>
  eventually(
    async () => {
      const found = await campaigns.find(id);
      expect(found?.state).toBe(state);
      return found;
    },
    { timeoutMs: 30_000 },
  );

test('a campaign opens one scan on each endpoint that its query means, skips devices without an agent, and ends with the last scan', async () => {
  const campaigns = started();
  const endpoints = await tagged('lobby', 3, 2);
  const [outside] = await tagged('attic', 1);
  const request = { query: { tag: ['lobby'] }, severity: 4, payload: { paths: ['/srv'] }, name: 'after the outbreak' };
  const id = await start(campaigns, request);
  const opened = await reaches(campaigns, id, 'running');
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
    const { handed, codes } = await scene.work(endpoint, { outcome: 'finished', threats: [] });
    expect(handed).toMatchObject({ kind: 'on-demand-scan', mode: 'scan', payload: { paths: ['/srv'] } });
    expect(codes).toEqual([200, 200]);
    const [first] = await scene.rows(
      'SELECT actor, correlation_id, causation_id FROM mitigation.event WHERE stream_id = $1 AND version = 1',
      handed.taskId,
    );
    expect(first).toEqual({ actor: 'key:test', correlation_id: id, causation_id: id });
  }
  expect(await scene.askFor(outside!)).toEqual([]);
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
  const [one] = await tagged('query', 1);
  const described = {
    label: 'Lobby, east wall',
    model: 'nPP16 D',
    capabilities: ['relay'],
    group: 'g7',
    platform: 'linux',
  };
  await registers(device(one!.deviceId, { ...described, version: 2 }));
  const machine = await scene.endpoint();
  await scene.rows(
    `UPDATE mitigation.endpoint SET device_id = NULL, hostname = 'lonely-machine' WHERE endpoint_id = $1`,
    machine.endpointId,
  );
  const means = async (query: object) => {
    const found: (string | undefined)[] = [];
    for await (const page of eachTarget(scene.pool, asked({ query, all: true }).query)) {
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
  expect(await means({ q: 'lonely' })).toEqual([false, true]);
  expect(await means({ platform: ['linux'] })).toEqual([true, true]);
  expect(await means({ q: '-' })).toEqual([false, false]);
});

test('an empty query has to be meant; a preview opens nothing; a set that is not the expected one opens nothing', async () => {
  expect(campaignRequest.safeParse({ query: {} }).error?.issues[0]?.path).toEqual(['query']);
  const campaigns = started();
  await tagged('counted', 2, 1);
  const query = { tag: ['counted'] };
  const preview = await campaigns.preview(asked({ query }).query);
  expect(preview).toMatchObject({ count: 3, skipped: 1 });
  expect(preview.examples).toHaveLength(3);
  const id = await start(campaigns, { query, expectedCount: 2 });
  expect(await reaches(campaigns, id, 'failed')).toMatchObject({
    error: 'The query means 3 by now, not 2. Nothing was opened.',
    tasks: { inProgress: 0 },
  });
  const right = await start(campaigns, { query, expectedCount: 3 });
  await reaches(campaigns, right, 'running');
  expect(await campaigns.cancel(id, { queuedTasks: 'withdraw' }, 'key:test')).toMatchObject({
    ok: false,
    code: 'conflict',
  });
});

test('the same Idempotency-Key starts one campaign, also at once; another body under it is refused', async () => {
  const campaigns = started();
  await tagged('once', 1);
  const key = randomUUID();
  const request = { query: { tag: ['once'] } };
  const ids = await Promise.all(Array.from({ length: 5 }, () => start(campaigns, request, key)));
  expect(new Set(ids).size).toBe(1);
  await expect(start(campaigns, { ...request, severity: 3 }, key)).rejects.toThrow('another body');
  expect(await reaches(campaigns, ids[0]!, 'running')).toMatchObject({ targets: { opened: 1 } });
});

/** A database whose connection breaks at the n-th statement with this text, as if the process were gone there. */
function breakingAt(sql: string, count: number) {
  let seen = 0;
  const breaks = (given: unknown) => JSON.stringify(given).includes(sql) && ++seen === count;
  const gone = () => Object.assign(new Error('gone'), { code: '57P01' });
  const connect = async () => {
    const client = await scene.pool.connect();
    const query = async (...given: Parameters<typeof client.query>) => {
      if (!breaks(given[0])) return client.query(...given);
      await client.query('ROLLBACK');
      throw gone();
    };
    return Object.assign(Object.create(client), { query, release: () => client.release() });
  };
  const query = async (...given: Parameters<Pool['query']>) => {
    if (breaks(given[0])) throw gone();
    return scene.pool.query(...given);
  };
  const pool: Pool = Object.assign(Object.create(scene.pool), { connect, query });
  return { pool, hasBroken: () => seen >= count };
}

test.each([
  ['while it selects', 'INSERT INTO mitigation.campaign_target', 1],
  ['before its selection is noted', 'SET state = $3', 1],
  ['before a chunk is noted', 'UPDATE mitigation.campaign_target t', 2],
  ['before the end is noted', 'SET opened = opened', 4],
])(
  'a replica that breaks %s doubles nothing and leaves nothing out',
  async (name, sql, count) => {
    const tag = `broken ${name}`;
    const endpoints = await tagged(tag, 250);
    const { pool, hasBroken } = breakingAt(sql, count);
    const campaigns = started(pool);
    const id = await start(campaigns, { query: { tag: [tag] } });
    expect(await reaches(campaigns, id, 'running')).toMatchObject({
      targets: { total: 250, opened: 250, skipped: 0, waiting: 0 },
    });
    expect(hasBroken()).toBe(true);
    const [{ tasks }] = await scene.rows(
      'SELECT count(*)::int AS tasks FROM mitigation.work WHERE endpoint_id = ANY($1)',
      endpoints.map(({ endpointId }) => endpointId),
    );
    expect(tasks).toBe(250);
    expect((await campaigns.targets(id, { limit: 500 }))!.items).toHaveLength(250);
  },
  60_000,
);

test('several replicas open a campaign together once', async () => {
  const all = [started(), started(), started()];
  const endpoints = await tagged('shared', 120);
  const id = await start(all[0]!, { query: { tag: ['shared'] } });
  await reaches(all[1]!, id, 'running');
  const taskIds = await scene.rows(
    'SELECT task_id FROM mitigation.work WHERE endpoint_id = ANY($1) ORDER BY 1',
    endpoints.map(({ endpointId }) => endpointId),
  );
  expect(taskIds.map((row) => row.task_id)).toEqual(
    endpoints.map(({ endpointId }) => campaignTaskId(id, endpointId)).sort(),
  );
});

test('a bound on its open tasks holds: the next one is opened when one has ended', async () => {
  const campaigns = started();
  const endpoints = await tagged('paced', 3);
  const id = await start(campaigns, { query: { tag: ['paced'] }, maxConcurrent: 1 });
  const done = new Set<TestEndpoint>();
  while (done.size < endpoints.length) {
    const [endpoint] = await eventually(
      async () => {
        const working = await scene.rows(
          'SELECT endpoint_id FROM mitigation.work WHERE endpoint_id = ANY($1)',
          endpoints.map(({ endpointId }) => endpointId),
        );
        expect(working.length).toBeLessThanOrEqual(1);
        return working.length === 1 && endpoints.filter(({ endpointId }) => endpointId === working[0].endpoint_id);
      },
      { timeoutMs: 30_000 },
    );
    await scene.work(endpoint!, { outcome: 'finished', threats: [] });
    done.add(endpoint!);
  }
  await reaches(campaigns, id, 'finished');
}, 60_000);

test('cancelled, a campaign opens no more and withdraws what no agent was handed; what agents are at goes on', async () => {
  const campaigns = started();
  const endpoints = await tagged('stopped', 4);
  const id = await start(campaigns, { query: { tag: ['stopped'] }, maxConcurrent: 2 });
  const working = () =>
    scene.rows(
      'SELECT endpoint_id, phase FROM mitigation.work WHERE endpoint_id = ANY($1)',
      endpoints.map(({ endpointId }) => endpointId),
    );
  const [first] = await eventually(async () => {
    const rows = await working();
    return rows.length === 2 && rows;
  });
  const [handed] = await scene.askFor(endpoints.find(({ endpointId }) => endpointId === first.endpoint_id)!);
  await campaigns.cancel(id, { queuedTasks: 'withdraw' }, 'key:boss');
  await campaigns.cancel(id, { queuedTasks: 'keep' }, 'key:boss');
  await eventually(async () => (await working()).length === 1);
  expect(await working()).toEqual([{ endpoint_id: first.endpoint_id, phase: 'dispatched' }]);
  await eventually(async () => {
    expect(await campaigns.find(id)).toMatchObject({
      state: 'cancelled',
      cancel: { queuedTasks: 'withdraw' },
      targets: { total: 4, opened: 2, waiting: 2 },
      tasks: { inProgress: 1, ended: 1, byStatus: { 'incomplete-task': 1 } },
    });
    return true;
  });
  expect((await scene.task(handed!.taskId)).cancel).toBeUndefined();

  const kept = await start(campaigns, { query: { tag: ['stopped'] } });
  await reaches(campaigns, kept, 'running');
  await campaigns.cancel(kept, { queuedTasks: 'keep' }, 'key:boss');
  expect(await campaigns.find(kept)).toMatchObject({ state: 'cancelled', tasks: { inProgress: 4 } });
});

test('targets page through each once, and can be filtered by what became of them', async () => {
  const campaigns = started();
  await tagged('paged', 5, 2);
  const id = await start(campaigns, { query: { tag: ['paged'] } });
  await reaches(campaigns, id, 'running');
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

test('a chunk that was under way when its campaign was cancelled opens nothing', async () => {
  const endpoints = await tagged('raced', 5);
  const boss = replica();
  let cancelled: Promise<unknown> | undefined;
  const connect = async () => {
    const client = await scene.pool.connect();
    const query = async (...given: Parameters<typeof client.query>) => {
      // The step has looked at the campaign, and its transaction reads what it will open.
      if (JSON.stringify(given[0]).includes("state = 'waiting' ORDER BY position")) {
        cancelled ??= boss.cancel(id, { queuedTasks: 'keep' }, 'key:boss');
        await cancelled;
      }
      return client.query(...given);
    };
    return Object.assign(Object.create(client), { query, release: () => client.release() });
  };
  const campaigns = replica(
    Object.assign(Object.create(scene.pool), { connect, query: scene.pool.query.bind(scene.pool) }),
  );
  const id = await start(campaigns, { query: { tag: ['raced'] } });
  campaigns.run();
  await reaches(boss, id, 'cancelled');
  await eventually(async () => {
    const [job] = await scene.rows('SELECT state FROM mitigation.job WHERE id = $1', id);
    return job.state === 'succeeded';
  });
  expect(await boss.find(id)).toMatchObject({ targets: { total: 5, opened: 0, waiting: 5 }, tasks: { inProgress: 0 } });
  const work = await scene.rows(
    'SELECT FROM mitigation.work WHERE endpoint_id = ANY($1)',
    endpoints.map(({ endpointId }) => endpointId),
  );
  expect(work).toEqual([]);
});
