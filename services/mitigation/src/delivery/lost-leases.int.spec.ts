import { randomUUID } from 'node:crypto';
import { eventually } from '@quell/testing/eventually';
import { loseDelivery } from '../task/deliveries.ts';
import {
  openScene,
  reportOf,
  resolving,
  type Said,
  type Scene,
  type TestEndpoint,
} from '../task-store/scene.fixture.ts';
import { replaceAgentOn } from './replace-agent.ts';
import { replica } from './replica.fixture.ts';

let scene: Scene;
let checkIn: ReturnType<typeof replica>['checkIn'];
beforeAll(async () => {
  scene = await openScene();
  checkIn = replica(scene).checkIn;
});
afterAll(() => scene.close());

const running = (taskId: string, attempt = 1, run = 1) => [{ taskId, run, attempt, phase: 'working' }];
const pending = (taskId: string, attempt = 1, run = 1) => [{ taskId, run, attempt }];

/** A task that was handed to its agent, under boot-1, and accepted unless told otherwise. */
async function handedOut(endpoint: TestEndpoint, { accept = true, kind = 'detection' as 'detection' | 'scan' } = {}) {
  const taskId = kind === 'scan' ? await scene.scan(endpoint) : await scene.detect(endpoint);
  const { tasks } = await checkIn(endpoint);
  expect(tasks).toMatchObject([{ taskId, attempt: 1 }]);
  if (accept) await scene.say(endpoint, taskId, 1, { type: 'accepted' });
  return { taskId, ids: tasks[0]!.payload.targets.map(({ id }) => id) };
}

const leaseOf = async (taskId: string) => (await scene.workRow(taskId)).lease_expires_at as Date;
const eventsOf = async (taskId: string) =>
  (await scene.rows('SELECT type FROM mitigation.event WHERE stream_id = $1 ORDER BY version', taskId)).map(
    ({ type }) => type,
  );

test('a check-in that lists a run renews its lease, as rows and never as events', async () => {
  const endpoint = await scene.endpoint();
  const { taskId } = await handedOut(endpoint);
  await scene.age(taskId, 80);
  const before = await leaseOf(taskId);
  const events = await eventsOf(taskId);
  expect(await checkIn(endpoint, { running: running(taskId) })).toMatchObject({ probes: [], tasks: [] });
  expect((await leaseOf(taskId)).getTime()).toBeGreaterThan(before.getTime() + 70_000);
  await scene.age(taskId, 80);
  await scene.say(endpoint, taskId, 1, { type: 'progress', data: { phase: 'x' } });
  expect((await leaseOf(taskId)).getTime()).toBeGreaterThan(before.getTime() + 70_000);
  expect(await eventsOf(taskId)).toEqual(events);
});

test('a hand-out that never arrived is asked for once its lease is over, and dispatched anew as the next attempt', async () => {
  const endpoint = await scene.endpoint();
  const { taskId } = await handedOut(endpoint, { accept: false });
  expect(await checkIn(endpoint)).toMatchObject({ probes: [], tasks: [] });
  await scene.age(taskId, 100);
  expect(await checkIn(endpoint)).toMatchObject({ probes: [{ taskId, run: 1, attempt: 1 }], tasks: [] });
  // Listed in none: unknown. The same check-in takes the next attempt along.
  expect(await checkIn(endpoint)).toMatchObject({ probes: [], tasks: [{ taskId, run: 1, attempt: 2 }] });
  expect(await eventsOf(taskId)).toEqual(['TaskOpened', 'TaskDispatched', 'AttemptLost', 'TaskDispatched']);
});

test('the third lost delivery of a run ends it as 15, lost deliveries', async () => {
  const endpoint = await scene.endpoint();
  const { taskId } = await handedOut(endpoint, { accept: false });
  for (let attempt = 1; attempt <= 3; attempt++) {
    await scene.age(taskId, 100);
    expect(await checkIn(endpoint)).toMatchObject({ probes: [{ attempt }] });
    expect((await checkIn(endpoint)).tasks).toHaveLength(attempt < 3 ? 1 : 0);
  }
  expect(await scene.task(taskId)).toMatchObject({ status: { code: 'incomplete-task', reason: 'lost-deliveries' } });
  expect(await scene.workRow(taskId)).toBeUndefined();
});

test('an accepted run of a silent agent is asked about after unresponsiveSeconds, not at the end of its lease', async () => {
  const endpoint = await scene.endpoint();
  const { taskId } = await handedOut(endpoint);
  await scene.age(taskId, 100);
  expect(await checkIn(endpoint)).toMatchObject({ probes: [] });
  await scene.age(taskId, 201);
  expect(await checkIn(endpoint)).toMatchObject({ probes: [{ taskId }] });
});

test.each([
  ['in `running`: it runs', (taskId: string) => ({ running: running(taskId) })],
  ['in `journalPending`: it has finished', (taskId: string) => ({ journalPending: pending(taskId) })],
])('a probe that is answered %s', async (_, answer) => {
  const endpoint = await scene.endpoint();
  const { taskId } = await handedOut(endpoint);
  await scene.age(taskId, 301);
  expect((await checkIn(endpoint)).probes).toHaveLength(1);
  expect(await checkIn(endpoint, answer(taskId))).toMatchObject({ probes: [], tasks: [] });
  expect(await checkIn(endpoint)).toMatchObject({ probes: [], tasks: [] });
  expect(await scene.task(taskId)).toMatchObject({ run: { lostDeliveries: 0 }, attempt: 1 });
});

test('a probe that is answered by the result itself ends the run, and the place is free in the same check-in', async () => {
  const endpoint = await scene.endpoint();
  const { taskId, ids } = await handedOut(endpoint);
  const next = await scene.scan(endpoint);
  await scene.age(taskId, 301);
  expect((await checkIn(endpoint)).probes).toHaveLength(1);
  const event = { taskId, attempt: 1, ...reportOf({ type: 'result', data: resolving(ids) }) };
  const answer = await checkIn(endpoint, { events: [event] });
  expect(answer).toMatchObject({ outcomes: [{ code: 200 }], probes: [], tasks: [{ taskId: next }] });
});

test('an agent that starts anew with the run in hand has crashed on it; the second time the run ends as 15', async () => {
  const endpoint = await scene.endpoint();
  const { taskId } = await handedOut(endpoint);
  for (const bootId of ['boot-2', 'boot-2']) {
    await checkIn(endpoint, { bootId, running: running(taskId) });
    expect(await scene.task(taskId)).toMatchObject({ run: { crashes: 1 }, status: { phase: 'accepted' } });
  }
  await checkIn(endpoint, { bootId: 'boot-3', running: running(taskId) });
  expect(await scene.task(taskId)).toMatchObject({
    run: { crashes: 2 },
    status: { code: 'incomplete-task', reason: 'agent-crashed' },
  });
  expect(await checkIn(endpoint, { bootId: 'boot-3' })).toMatchObject({ tasks: [] });
});

test('a result that waits in the journal over a restart is no crash', async () => {
  const endpoint = await scene.endpoint();
  const { taskId, ids } = await handedOut(endpoint);
  await checkIn(endpoint, { bootId: 'boot-2', journalPending: pending(taskId) });
  expect(await scene.task(taskId)).toMatchObject({ run: { crashes: 0 }, status: { phase: 'accepted' } });
  const said: Said = { type: 'result', data: resolving(ids) };
  expect(await scene.say(endpoint, taskId, 1, said)).toMatchObject([{ code: 200 }]);
});

test('an accepted run that nobody knows after a restart ends as 15; one not accepted is dispatched anew at once', async () => {
  const [one, two] = [await scene.endpoint(), await scene.endpoint()];
  const lost = await handedOut(one);
  await checkIn(one, { bootId: 'boot-2' });
  expect(await scene.task(lost.taskId)).toMatchObject({
    status: { code: 'incomplete-task', reason: 'lost-over-restart' },
  });
  const unaccepted = await handedOut(two, { accept: false });
  const { tasks } = await checkIn(two, { bootId: 'boot-2' });
  expect(tasks).toMatchObject([{ taskId: unaccepted.taskId, attempt: 2 }]);
  expect(await scene.task(unaccepted.taskId)).toMatchObject({ run: { lostDeliveries: 1 } });
});

test('an acceptance that arrives with the new boot is taken before the leases are looked at', async () => {
  const endpoint = await scene.endpoint();
  const { taskId } = await handedOut(endpoint, { accept: false });
  const events = [{ taskId, attempt: 1, ...reportOf({ type: 'accepted' }) }];
  const answer = await checkIn(endpoint, { bootId: 'boot-2', running: running(taskId), events });
  expect(answer).toMatchObject({ outcomes: [{ code: 200 }], tasks: [] });
  expect(await scene.task(taskId)).toMatchObject({ status: { phase: 'accepted' }, run: { lostDeliveries: 0 } });
});

test('two check-ins of a new boot that race count one crash', async () => {
  for (let round = 0; round < 3; round++) {
    const endpoint = await scene.endpoint();
    const { taskId } = await handedOut(endpoint);
    const said = { bootId: `boot-${round + 2}`, running: running(taskId) };
    await Promise.all([checkIn(endpoint, said), checkIn(endpoint, said), checkIn(endpoint, said)]);
    expect(await scene.task(taskId)).toMatchObject({ run: { crashes: 1 }, status: { phase: 'accepted' } });
  }
});

test('an agent that is replaced: its accepted run ends as 15, one it had not accepted goes to the new agent', async () => {
  const [one, two] = [await scene.endpoint(), await scene.endpoint()];
  const accepted = await handedOut(one);
  const dispatched = await handedOut(two, { accept: false });
  for (const endpoint of [one, two]) {
    const young = { ...endpoint, agentId: randomUUID().padEnd(43, '_') };
    await scene.rows(
      'UPDATE mitigation.endpoint SET agent_id = $2 WHERE endpoint_id = $1',
      endpoint.endpointId,
      young.agentId,
    );
    const change = { endpointId: endpoint.endpointId, changeId: randomUUID() };
    await replaceAgentOn(scene.pool, scene.policy, change, endpoint.agentId);
    await replaceAgentOn(scene.pool, scene.policy, change, endpoint.agentId);
    const { tasks } = await checkIn(young);
    expect(tasks.map(({ taskId, attempt }) => [taskId, attempt])).toEqual(
      endpoint === two ? [[dispatched.taskId, 2]] : [],
    );
  }
  expect(await scene.task(accepted.taskId)).toMatchObject({
    status: { code: 'incomplete-task', reason: 'agent-replaced' },
  });
  // The old agent's late words about the attempt that was taken from it are stale.
  expect(await scene.say(two, dispatched.taskId, 1, { type: 'accepted' })).toMatchObject([{ code: 409 }]);
});

test.each(['when the change is handled', 'when the new agent asks first'])(
  'a run that the replaced agent had accepted and lost ends as 15 %s',
  async (when) => {
    const endpoint = await scene.endpoint();
    const { taskId } = await handedOut(endpoint);
    await scene.command(taskId, (task) => loseDelivery(task, 'unknown-to-agent'));
    expect(await scene.workRow(taskId)).toMatchObject({ phase: 'queued', agent_id: null });
    const young = { ...endpoint, agentId: randomUUID().padEnd(43, '_') };
    await scene.rows(
      'UPDATE mitigation.endpoint SET agent_id = $2 WHERE endpoint_id = $1',
      endpoint.endpointId,
      young.agentId,
    );
    if (when === 'when the new agent asks first') expect((await checkIn(young)).tasks).toEqual([]);
    else {
      const change = { endpointId: endpoint.endpointId, changeId: randomUUID() };
      await replaceAgentOn(scene.pool, scene.policy, change, endpoint.agentId);
    }
    expect(await scene.task(taskId)).toMatchObject({
      status: { code: 'incomplete-task', reason: 'agent-replaced' },
      attempt: 1,
    });
    expect(await scene.workRow(taskId)).toBeUndefined();
  },
);

test('a check-in that meets a deadlock over its leases tries again', async () => {
  const endpoint = await scene.endpoint();
  const { taskId: one } = await handedOut(endpoint);
  await scene.rows('UPDATE mitigation.work SET changes_state = false WHERE task_id = $1', one);
  const { taskId: two } = await handedOut(endpoint, { kind: 'scan' });
  const [first, last] = [one, two].sort();
  const other = await scene.pool.connect();
  const touch = 'UPDATE mitigation.work SET progress = NULL WHERE task_id = $1';
  /** Whether the check-in was the one that had to go: mostly so, for it waits longer, but not on a machine that halts in between. */
  const meet = async () => {
    for (const taskId of [one, two]) await scene.age(taskId, 80);
    await other.query('BEGIN');
    await other.query(touch, [last]);
    const answered = checkIn(endpoint, { running: [...running(one), ...running(two)] });
    await eventually(async () => {
      const waiting = await scene.rows(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length === 1;
    });
    const met = await other.query(touch, [first]).then(
      () => true,
      (error: { code?: string }) => (error.code === '40P01' ? false : Promise.reject(error)),
    );
    await other.query(met ? 'COMMIT' : 'ROLLBACK');
    expect(await answered).toMatchObject({ probes: [], tasks: [] });
    return met;
  };
  while (!(await meet()));
  other.release();
  for (const taskId of [one, two]) expect((await leaseOf(taskId)).getTime()).toBeGreaterThan(Date.now() + 60_000);
});

test('a run that goes back to the queue keeps its run clock', async () => {
  const endpoint = await scene.endpoint();
  const { taskId } = await handedOut(endpoint, { kind: 'scan' });
  const { run_due_at: due } = await scene.workRow(taskId);
  await scene.age(taskId, 301);
  await checkIn(endpoint);
  await checkIn(endpoint);
  const row = await scene.workRow(taskId);
  expect(row).toMatchObject({ phase: 'dispatched', attempt: 2, queue_due_at: null, total_due_at: null });
  expect(row.run_due_at).toEqual(due);
});
