import { randomUUID } from 'node:crypto';
import { createLog } from '@quell/service-kit/log';
import { eventually } from '@quell/testing/eventually';
import { startAgentTask } from '../delivery/agent-tasks.ts';
import { replica } from '../delivery/replica.fixture.ts';
import { defaultPolicy } from '../policy/policy.ts';
import { PolicyStore } from '../policy/policy-store.ts';
import { cancel, retry, rollback } from '../task/commands.ts';
import { defaultClocks } from '../task/settings.ts';
import { detectionOn, openScene, resolving, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { Clockwork } from './clockwork.ts';
import { defaultOutages } from './outages.ts';
import { sweepClocks } from './sweep.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const sweep = async () => (await sweepClocks(scene.pool, scene.policy)).freed;
const HOUR = 3600;
const statusOf = async (taskId: string) => (await scene.task(taskId)).status;
/** Moves one clock of a run into the past, and leaves the others as they are. */
const ended = (taskId: string, clock: 'queue_due_at' | 'total_due_at' | 'run_due_at' | 'cancel_due_at') =>
  scene.rows(
    `UPDATE mitigation.work SET ${clock} = now() - interval '1 ms', next_due_at = now() - interval '1 ms' WHERE task_id = $1`,
    taskId,
  );

async function accepted(endpoint: TestEndpoint, taskId: string) {
  const [handed] = await scene.askFor(endpoint);
  expect(handed).toMatchObject({ taskId });
  await scene.say(endpoint, taskId, handed!.attempt, { type: 'accepted' });
  return handed!;
}

describe('the queue clock', () => {
  test('never accepted and no contact: 13, with the limit and the last contact', async () => {
    const [met, unmet] = [await scene.endpoint(), await scene.endpoint()];
    const [one, two] = [await scene.detect(met), await scene.scan(unmet)];
    await scene.seen(met, HOUR + 60);
    await scene.age(one, HOUR + 1);
    await scene.age(two, HOUR + 1);
    expect([...(await sweep())].sort()).toEqual([met.endpointId, unmet.endpointId].sort());
    expect(await statusOf(one)).toEqual({
      code: 'cannot-connect-to-endpoint',
      limitSeconds: HOUR,
      lastContactAt: expect.any(String),
    });
    expect(await statusOf(two)).toEqual({ code: 'cannot-connect-to-endpoint', limitSeconds: HOUR });
    expect(await scene.workRow(one)).toBeUndefined();
  });

  test('a device without an agent ends so too', async () => {
    const device = await scene.endpoint({ agent: false });
    const taskId = await scene.detect(device);
    await scene.age(taskId, HOUR + 1);
    await sweep();
    expect(await statusOf(taskId)).toMatchObject({ code: 'cannot-connect-to-endpoint' });
  });

  test('a contact moves it: it ends an hour after the last one', async () => {
    const endpoint = await scene.endpoint();
    const taskId = await scene.detect(endpoint);
    await scene.seen(endpoint, 600);
    await scene.age(taskId, HOUR + 1);
    expect(await sweep()).toEqual([]);
    const [{ left }] = await scene.rows(
      `SELECT extract(epoch FROM queue_due_at - now())::int AS left FROM mitigation.work WHERE task_id = $1 AND next_due_at = queue_due_at`,
      taskId,
    );
    expect(left).toBeGreaterThan(HOUR - 610);
    expect(left).toBeLessThanOrEqual(HOUR - 600);
    await scene.seen(endpoint, HOUR + 1);
    await ended(taskId, 'queue_due_at');
    await sweep();
    expect(await statusOf(taskId)).toMatchObject({ code: 'cannot-connect-to-endpoint' });
  });

  test('it runs on over a hand-out that nobody accepted', async () => {
    const endpoint = await scene.endpoint();
    const taskId = await scene.detect(endpoint);
    await scene.askFor(endpoint);
    await scene.age(taskId, HOUR + 1);
    await sweep();
    expect(await statusOf(taskId)).toMatchObject({ code: 'cannot-connect-to-endpoint' });
  });
});

test('in contact but never accepted for 24 hours: 15, total wait over', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint);
  await scene.seen(endpoint);
  await scene.age(taskId, 24 * HOUR - 60);
  expect(await sweep()).toEqual([]);
  await ended(taskId, 'total_due_at');
  await sweep();
  expect(await statusOf(taskId)).toEqual({
    code: 'incomplete-task',
    reason: 'total-wait-over',
    limitSeconds: 24 * HOUR,
  });
});

describe('the run clock', () => {
  test('threat mitigation that was accepted and not finished: 12, with the limit', async () => {
    const endpoint = await scene.endpoint();
    const taskId = await scene.detect(endpoint);
    await accepted(endpoint, taskId);
    await scene.age(taskId, 599);
    expect(await sweep()).toEqual([]);
    await scene.age(taskId, 2);
    expect(await sweep()).toEqual([endpoint.endpointId]);
    expect(await statusOf(taskId)).toEqual({ code: 'mitigation-timeout', limitSeconds: 600 });
  });

  test('threat mitigation without path or hash has the time of a scan', async () => {
    const endpoint = await scene.endpoint();
    const taskId = await scene.detect(endpoint, { threat: { name: 'somewhere' } });
    await accepted(endpoint, taskId);
    await scene.age(taskId, 4 * HOUR - 1);
    expect(await sweep()).toEqual([]);
    await scene.age(taskId, 2);
    await sweep();
    expect(await statusOf(taskId)).toEqual({ code: 'mitigation-timeout', limitSeconds: 4 * HOUR });
  });

  test.each(['scan', 'report'])(
    'a silent %s is probed, gets 10 minutes more, once, and then ends as 15',
    async (kind) => {
      const endpoint = await scene.endpoint();
      const threat = { name: 'x', path: '/x' };
      const report = { requestId: randomUUID(), kind: 'user-initiated-event', threat } as const;
      const answer = kind === 'report' ? await startAgentTask(scene.pool, scene.policy, endpoint, report) : undefined;
      const taskId = answer?.ok ? answer.ref.taskId : await scene.scan(endpoint);
      await accepted(endpoint, taskId);
      await ended(taskId, 'run_due_at');
      expect(await sweep()).toEqual([]);
      const [{ left }] = await scene.rows(
        'SELECT extract(epoch FROM next_due_at - now())::int AS left FROM mitigation.work WHERE task_id = $1',
        taskId,
      );
      expect(left).toBeGreaterThan(590);
      expect(left).toBeLessThanOrEqual(600);
      const { checkIn } = replica(scene);
      expect(await checkIn(endpoint)).toMatchObject({ probes: [{ taskId }] });
      const running = [{ taskId, run: 1, attempt: 1, phase: 'scanning' }];
      expect(await checkIn(endpoint, { running })).toMatchObject({ probes: [] });
      await ended(taskId, 'run_due_at');
      expect(await sweep()).toEqual([endpoint.endpointId]);
      expect(await statusOf(taskId)).toMatchObject({ code: 'incomplete-task', reason: 'silent-scan' });
    },
  );

  test('the extension outlives what happens in the run meanwhile', async () => {
    const endpoint = await scene.endpoint();
    const taskId = await scene.scan(endpoint);
    await accepted(endpoint, taskId);
    await scene.rows(
      `UPDATE mitigation.work SET first_accepted_at = first_accepted_at - interval '5 h', run_due_at = now() - interval '1 h',
         next_due_at = now() WHERE task_id = $1`,
      taskId,
    );
    await sweep();
    const before = await scene.workRow(taskId);
    await scene.command(taskId, cancel);
    const after = await scene.workRow(taskId);
    expect(after.run_extended).toBe(true);
    expect(after.run_due_at.getTime()).toBeGreaterThanOrEqual(before.run_due_at.getTime());
    await ended(taskId, 'run_due_at');
    await sweep();
    expect(await statusOf(taskId)).toMatchObject({ code: 'incomplete-task', reason: 'silent-scan' });
  });
});

describe('a rollback', () => {
  async function rollingBack() {
    const endpoint = await scene.endpoint();
    const taskId = await scene.detect(endpoint);
    await scene.work(endpoint);
    await scene.command(taskId, (task) => rollback(task, defaultClocks));
    return { endpoint, taskId };
  }

  test('that was accepted and never reported ends as 23, its items not reported', async () => {
    const { endpoint, taskId } = await rollingBack();
    const { payload } = await accepted(endpoint, taskId);
    await ended(taskId, 'run_due_at');
    await sweep();
    expect(await statusOf(taskId)).toEqual({
      code: 'rollback-unsuccessful',
      items: payload.items!.map(({ id }) => ({ id, restored: false, reason: 'not-reported' })),
    });
  });

  test.each(['queue_due_at', 'total_due_at'] as const)(
    'that was never accepted ends as 13 by %s, and its retry repeats the rollback',
    async (clock) => {
      const { endpoint, taskId } = await rollingBack();
      await ended(taskId, clock);
      await sweep();
      expect(await statusOf(taskId)).toMatchObject({ code: 'cannot-connect-to-endpoint' });
      await scene.command(taskId, (task) => retry(task, defaultClocks));
      expect(await scene.askFor(endpoint)).toMatchObject([{ taskId, run: 3, mode: 'rollback' }]);
    },
  );
});

test('a wish to stop that nobody answered for two leases ends as 15, and a late result still corrects it', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint);
  const { payload } = await accepted(endpoint, taskId);
  await scene.command(taskId, cancel);
  const row = await scene.workRow(taskId);
  expect(row.cancel_due_at - row.cancel_requested_at).toBe(180_000);
  await ended(taskId, 'cancel_due_at');
  await sweep();
  expect(await scene.task(taskId)).toMatchObject({
    status: { code: 'incomplete-task', reason: 'cancelled' },
    cancel: { outcome: 'unanswered' },
  });
  const data = resolving(payload.targets.map(({ id }) => id));
  expect(await scene.say(endpoint, taskId, 1, { type: 'result', data })).toMatchObject([{ code: 200, late: true }]);
});

test('what is not due is left alone, and two sweeps at once end a run once', async () => {
  const endpoint = await scene.endpoint();
  const [due, notDue] = [await scene.detect(endpoint), await scene.scan(endpoint)];
  await scene.age(due, 2 * HOUR);
  await Promise.all([sweep(), sweep(), sweep(), sweep()]);
  await sweep();
  const expired = await scene.rows(`SELECT FROM mitigation.event WHERE stream_id = $1 AND type = 'RunExpired'`, due);
  expect(expired).toHaveLength(1);
  expect(await scene.task(notDue)).toMatchObject({ version: 1 });
});

test('a result that races with the end of its clock is never lost: it stands, or corrects the end', async () => {
  for (let round = 0; round < 6; round++) {
    const endpoint = await scene.endpoint();
    const taskId = await scene.detect(endpoint);
    const { payload } = await accepted(endpoint, taskId);
    await ended(taskId, 'run_due_at');
    const data = resolving(payload.targets.map(({ id }) => id));
    const [[outcome]] = await Promise.all([scene.say(endpoint, taskId, 1, { type: 'result', data }), sweep()]);
    expect(outcome?.code).toBe(200);
    expect(await statusOf(taskId)).toEqual({ code: 'all-threats-resolved' });
  }
});

test('more than one batch takes is due no longer than one sweep, also where a batch ends nothing', async () => {
  const [met, unmet] = [await scene.endpoint(), await scene.endpoint()];
  await scene.seen(met);
  for (const [endpoint, tasks] of [
    [met, 210],
    [unmet, 410],
  ] as const) {
    const threats = Array.from({ length: tasks }, (_, index) => ({ name: 'x', path: `/t/${index}` }));
    await scene.take(threats.map((threat) => detectionOn(endpoint, { threat })));
  }
  // Those of the endpoint in contact come first: their clocks are only moved.
  const due = `UPDATE mitigation.work SET queue_due_at = now(), next_due_at = now() - make_interval(secs => $2) WHERE endpoint_id = $1`;
  await scene.rows(due, met.endpointId, 1);
  await scene.rows(due, unmet.endpointId, 0);
  const freed: string[] = [];
  const clockwork = new Clockwork({
    pool: scene.pool,
    policies: new PolicyStore(scene.pool, defaultPolicy()),
    log: createLog('test', 'silent'),
    outages: defaultOutages,
    sweepSeconds: HOUR,
    onFreed: (endpointIds) => freed.push(...endpointIds),
  });
  clockwork.start();
  const left = (on: TestEndpoint) => scene.rows('SELECT FROM mitigation.work WHERE endpoint_id = $1', on.endpointId);
  await eventually(async () => (await left(unmet)).length === 0);
  await clockwork.stop();
  expect(await left(met)).toHaveLength(210);
  expect([...new Set(freed)]).toEqual([unmet.endpointId]);
});
