import { eventually } from '@quell/testing/eventually';
import type { Pool } from 'pg';
import { campaignTaskId } from './campaign-job.ts';
import { type CampaignScene, openCampaigns } from './campaigns.fixture.ts';

let on: CampaignScene;
beforeAll(async () => {
  on = await openCampaigns();
});
afterEach(() => on.stopReplicas());
afterAll(() => on.close());

/** A database whose connection breaks at the n-th statement with this text, as if the process were gone there. */
function breakingAt(sql: string, count: number) {
  let seen = 0;
  const breaks = (given: unknown) => JSON.stringify(given).includes(sql) && ++seen === count;
  const gone = () => Object.assign(new Error('gone'), { code: '57P01' });
  const connect = async () => {
    const client = await on.scene.pool.connect();
    const query = async (...given: Parameters<typeof client.query>) => {
      if (!breaks(given[0])) return client.query(...given);
      await client.query('ROLLBACK');
      throw gone();
    };
    return Object.assign(Object.create(client), { query, release: () => client.release() });
  };
  const query = async (...given: Parameters<Pool['query']>) => {
    if (breaks(given[0])) throw gone();
    return on.scene.pool.query(...given);
  };
  const pool: Pool = Object.assign(Object.create(on.scene.pool), { connect, query });
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
    const endpoints = await on.tagged(tag, 250);
    const { pool, hasBroken } = breakingAt(sql, count);
    const campaigns = on.started(pool);
    const id = await on.start(campaigns, { query: { tag: [tag] } });
    expect(await on.reaches(campaigns, id, 'running')).toMatchObject({
      targets: { total: 250, opened: 250, skipped: 0, waiting: 0 },
    });
    expect(hasBroken()).toBe(true);
    const [{ tasks }] = await on.scene.rows(
      'SELECT count(*)::int AS tasks FROM mitigation.work WHERE endpoint_id = ANY($1)',
      endpoints.map(({ endpointId }) => endpointId),
    );
    expect(tasks).toBe(250);
    expect((await campaigns.targets(id, { limit: 500 }))!.items).toHaveLength(250);
  },
  60_000,
);

test('several replicas open a campaign together once', async () => {
  const all = [on.started(), on.started(), on.started()];
  const endpoints = await on.tagged('shared', 120);
  const id = await on.start(all[0]!, { query: { tag: ['shared'] } });
  await on.reaches(all[1]!, id, 'running');
  const taskIds = await on.scene.rows(
    'SELECT task_id FROM mitigation.work WHERE endpoint_id = ANY($1) ORDER BY 1',
    endpoints.map(({ endpointId }) => endpointId),
  );
  expect(taskIds.map((row) => row.task_id)).toEqual(
    endpoints.map(({ endpointId }) => campaignTaskId(id, endpointId)).sort(),
  );
});

test('cancelled, a campaign opens no more and withdraws what no agent was handed; what agents are at goes on', async () => {
  const campaigns = on.started();
  const endpoints = await on.tagged('stopped', 4);
  const id = await on.start(campaigns, { query: { tag: ['stopped'] }, maxConcurrent: 2 });
  const working = () =>
    on.scene.rows(
      'SELECT endpoint_id, phase FROM mitigation.work WHERE endpoint_id = ANY($1)',
      endpoints.map(({ endpointId }) => endpointId),
    );
  const [first] = await eventually(async () => {
    const rows = await working();
    return rows.length === 2 && rows;
  });
  const [handed] = await on.scene.askFor(endpoints.find(({ endpointId }) => endpointId === first.endpoint_id)!);
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
  expect((await on.scene.task(handed!.taskId)).cancel).toBeUndefined();

  const kept = await on.start(campaigns, { query: { tag: ['stopped'] } });
  await on.reaches(campaigns, kept, 'running');
  await campaigns.cancel(kept, { queuedTasks: 'keep' }, 'key:boss');
  expect(await campaigns.find(kept)).toMatchObject({ state: 'cancelled', tasks: { inProgress: 4 } });
});

test('a chunk that was under way when its campaign was cancelled opens nothing', async () => {
  const endpoints = await on.tagged('raced', 5);
  const boss = on.replica();
  let cancelled: Promise<unknown> | undefined;
  const connect = async () => {
    const client = await on.scene.pool.connect();
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
  const campaigns = on.replica(
    Object.assign(Object.create(on.scene.pool), { connect, query: on.scene.pool.query.bind(on.scene.pool) }),
  );
  const id = await on.start(campaigns, { query: { tag: ['raced'] } });
  campaigns.run();
  await on.reaches(boss, id, 'cancelled');
  await eventually(async () => {
    const [job] = await on.scene.rows('SELECT state FROM mitigation.job WHERE id = $1', id);
    return job.state === 'succeeded';
  });
  expect(await boss.find(id)).toMatchObject({ targets: { total: 5, opened: 0, waiting: 5 }, tasks: { inProgress: 0 } });
  const work = await on.scene.rows(
    'SELECT FROM mitigation.work WHERE endpoint_id = ANY($1)',
    endpoints.map(({ endpointId }) => endpointId),
  );
  expect(work).toEqual([]);
});
