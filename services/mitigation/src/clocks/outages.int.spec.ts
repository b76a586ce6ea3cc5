import { createLog } from '@quell/service-kit/log';
import { eventually } from '@quell/testing/eventually';
import { defaultPolicy } from '../policy/policy.ts';
import { PolicyStore } from '../policy/policy-store.ts';
import { openScene, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { Clockwork } from './clockwork.ts';
import { defaultOutages, watchOutages } from './outages.ts';

let scene: Scene;
let endpoints: TestEndpoint[];
beforeAll(async () => {
  scene = await openScene();
  endpoints = await Promise.all([1, 2, 3].map(() => scene.endpoint()));
});
beforeEach(async () => {
  await scene.rows('DELETE FROM mitigation.outage');
  await scene.rows('DELETE FROM mitigation.service_heartbeat');
  await scene.rows('DELETE FROM mitigation.agent_last_seen');
  await scene.rows('DELETE FROM mitigation.work');
});
afterAll(() => scene.close());

const REPLICA = '0199b3f2-5a5e-7c3a-9d5e-4f1f6a1b2c3d';
const OTHER = '0199b3f2-5a5e-7c3a-9d5e-4f1f6a1b2c3e';
const watch = (replicaId = REPLICA) => watchOutages(scene.pool, replicaId, defaultOutages);
/** Every replica beat last so many seconds ago. */
const beatAgo = (seconds: number, ...replicas: string[]) =>
  scene.rows(
    `INSERT INTO mitigation.service_heartbeat SELECT r, now() - make_interval(secs => $2) FROM unnest($1::uuid[]) r
     ON CONFLICT (replica_id) DO UPDATE SET beat_at = excluded.beat_at`,
    replicas.length === 0 ? [REPLICA] : replicas,
    seconds,
  );
const outages = () => scene.rows('SELECT reason, ended_at IS NULL AS open FROM mitigation.outage ORDER BY id');
/** As if so many seconds had gone by since every outage. */
const later = (seconds: number) =>
  scene.rows(
    `UPDATE mitigation.outage SET ended_at = ended_at - make_interval(secs => $1), started_at = started_at - make_interval(secs => $1)`,
    seconds,
  );

/** A run that was requested an hour ago, and by how many seconds its clocks have been moved since. */
async function oldRun(on = endpoints[0]!) {
  const taskId = await scene.detect(on, { threat: { name: 'x', path: `/t/${Math.random()}` } });
  await scene.age(taskId, 3600);
  const before = await scene.workRow(taskId);
  return {
    taskId,
    moved: async () => {
      const row = await scene.workRow(taskId);
      const by = (clock: string) => Math.round((row[clock] - before[clock]) / 1000);
      expect([by('total_due_at'), by('next_due_at')]).toEqual([by('queue_due_at'), by('queue_due_at')]);
      return by('queue_due_at');
    },
  };
}

describe('a gap of all replicas', () => {
  test('moves every clock by its length, once, and nothing is inferred until the grace after it is over', async () => {
    const run = await oldRun();
    await beatAgo(600, REPLICA, OTHER);
    expect(await watch()).toBe(false);
    expect(await run.moved()).toBe(600);
    expect(await watch(OTHER)).toBe(false);
    expect(await watch()).toBe(false);
    expect(await run.moved()).toBe(600);
    expect(await outages()).toEqual([{ reason: 'no replica was running', open: false }]);
    await later(defaultOutages.graceSeconds - 5);
    expect(await watch()).toBe(false);
    await later(6);
    expect(await watch()).toBe(true);
  });

  test('is none while one replica lives, nor at the first start', async () => {
    const run = await oldRun();
    expect(await watch()).toBe(true);
    await beatAgo(600, OTHER);
    expect(await watch()).toBe(true);
    await beatAgo(20, REPLICA);
    expect(await watch()).toBe(true);
    expect(await run.moved()).toBe(0);
  });

  test('moves a run that was requested in it by the time since then only', async () => {
    const run = await oldRun();
    await beatAgo(7200);
    await watch();
    expect(await run.moved()).toBe(3600);
  });

  test('is found once by replicas that start together', async () => {
    const run = await oldRun();
    await beatAgo(600);
    await Promise.all([watch(), watch(OTHER), watch()]);
    expect(await run.moved()).toBe(600);
    expect(await outages()).toHaveLength(1);
  });
});

describe('a spell in which no agent made contact', () => {
  const seenAgo = (...seconds: number[]) =>
    Promise.all(seconds.map((ago, index) => scene.seen(endpoints[index]!, ago)));

  test('is an outage when three had been in contact: no end is inferred in it, and its end moves the clocks once', async () => {
    const run = await oldRun();
    await seenAgo(60, 90, 120);
    expect(await watch()).toBe(false);
    expect(await watch()).toBe(false);
    expect(await outages()).toEqual([{ reason: 'no agent made contact', open: true }]);
    expect(await run.moved()).toBe(0);
    await seenAgo(0);
    expect(await watch()).toBe(false);
    expect(await watch()).toBe(false);
    expect(await run.moved()).toBe(60);
    expect(await outages()).toEqual([{ reason: 'no agent made contact', open: false }]);
    await later(defaultOutages.graceSeconds + 1);
    await seenAgo(0);
    expect(await watch()).toBe(true);
  });

  test.each([
    ['fewer than three agents were there', [60, 90]],
    ['the third was gone for long before', [60, 90, 500]],
    ['an agent is in contact', [10, 90, 120]],
  ])('is none when %s', async (_, ago) => {
    await seenAgo(...ago);
    expect(await watch()).toBe(true);
    expect(await outages()).toEqual([]);
  });

  test('counts for an hour at most, and is not begun again', async () => {
    const run = await oldRun();
    await seenAgo(60, 90, 120);
    await watch();
    await scene.rows(`UPDATE mitigation.outage SET started_at = now() - interval '3601 s'`);
    await scene.rows(`UPDATE mitigation.agent_last_seen SET last_seen_at = last_seen_at - interval '3541 s'`);
    expect(await watch()).toBe(false);
    expect(await run.moved()).toBe(3600);
    await later(defaultOutages.graceSeconds + 1);
    await scene.rows(`UPDATE mitigation.agent_last_seen SET last_seen_at = last_seen_at - interval '176 s'`);
    expect(await watch()).toBe(true);
    expect(await outages()).toHaveLength(1);
    expect(await run.moved()).toBe(3600);
  });

  test('around a gap of all replicas is not counted twice', async () => {
    const run = await oldRun();
    // The agents were heard until the replicas stopped, 600 s ago, and come back a little after those.
    await seenAgo(601, 610, 620);
    await beatAgo(600);
    await watch();
    expect(await run.moved()).toBe(600);
    await watch();
    expect(await outages()).toHaveLength(1);
    await seenAgo(0);
    await watch();
    expect(await run.moved()).toBe(600);
  });

  test('that was noted before a gap began ends with it: both together move the clocks once', async () => {
    const run = await oldRun();
    await seenAgo(60, 90, 120);
    await watch();
    // 300 s of silence so far, then 200 s without any replica.
    await scene.rows(`UPDATE mitigation.outage SET started_at = now() - interval '500 s'`);
    await scene.rows(`UPDATE mitigation.agent_last_seen SET last_seen_at = last_seen_at - interval '440 s'`);
    await beatAgo(200);
    await watch();
    expect(await run.moved()).toBe(500);
    await seenAgo(0);
    await watch();
    expect(await run.moved()).toBe(500);
  });

  test('that goes on after a gap is an outage of its own, from the end of the gap', async () => {
    const run = await oldRun();
    await seenAgo(601, 610, 620);
    await beatAgo(600);
    await watch();
    // The network is still down a minute after the start.
    await later(60);
    await scene.rows(`UPDATE mitigation.agent_last_seen SET last_seen_at = last_seen_at - interval '60 s'`);
    await watch();
    expect((await outages()).map(({ open }) => open)).toEqual([false, true]);
    await seenAgo(0);
    await watch();
    expect(await run.moved()).toBe(660);
  });

  test('does not extend a run that was accepted at the contact which ended it', async () => {
    const [endpoint] = endpoints;
    await seenAgo(60, 90, 120);
    await watch();
    await scene.rows(`UPDATE mitigation.outage SET started_at = now() - interval '1800 s'`);
    const taskId = await scene.detect(endpoint!, { threat: { name: 'x', path: '/accepted' } });
    await scene.age(taskId, 3600);
    const [handed] = await scene.askFor(endpoint!);
    await scene.say(endpoint!, taskId, handed!.attempt, { type: 'accepted' });
    const before = await scene.workRow(taskId);
    await seenAgo(0);
    await watch();
    const after = await scene.workRow(taskId);
    expect(after.run_due_at - before.run_due_at).toBeLessThan(60_000);
  });
});

test('the clockwork ends nothing during an outage and its grace, and everything that is due after it', async () => {
  const run = await oldRun();
  await scene.age(run.taskId, 600);
  await scene.rows(`INSERT INTO mitigation.outage VALUES (gen_random_uuid(), now(), now(), 'test')`);
  const freed: string[] = [];
  const clockwork = new Clockwork({
    pool: scene.pool,
    policies: new PolicyStore(scene.pool, defaultPolicy()),
    log: createLog('test', 'silent'),
    outages: defaultOutages,
    sweepSeconds: 0.01,
    onFreed: (endpointIds) => freed.push(...endpointIds),
  });
  const beats = new Set<number>();
  clockwork.start();
  try {
    await eventually(async () => {
      for (const { beat_at: at } of await scene.rows('SELECT beat_at FROM mitigation.service_heartbeat'))
        beats.add(+at);
      return beats.size >= 4;
    });
    expect(await scene.task(run.taskId)).toMatchObject({ version: 1 });
    await later(defaultOutages.graceSeconds + 1);
    await eventually(() => freed.length > 0);
    expect(await scene.task(run.taskId)).toMatchObject({ status: { code: 'cannot-connect-to-endpoint' } });
  } finally {
    await clockwork.stop();
  }
});
