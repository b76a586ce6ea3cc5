import { randomUUID } from 'node:crypto';
import { cancel, retry } from '../task/commands.ts';
import { expireRun, loseDelivery } from '../task/deliveries.ts';
import { defaultClocks } from '../task/settings.ts';
import {
  failing,
  openScene,
  policyWith,
  reportOf,
  resolving,
  type Said,
  type Scene,
  type TestEndpoint,
} from '../task-store/scene.fixture.ts';
import { takeReports } from './take-reports.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

/** A task that its agent was handed and accepted, and a result that resolves it. */
async function accepted(endpoint: TestEndpoint) {
  const taskId = await scene.detect(endpoint);
  const [handed] = await scene.askFor(endpoint);
  await scene.say(endpoint, taskId, 1, { type: 'accepted' });
  const ids = handed!.payload.targets.map(({ id }) => id);
  return { taskId, ids, good: { type: 'result', data: resolving(ids) } satisfies Said };
}
const codes = async (...said: Parameters<Scene['say']>) => (await scene.say(...said)).map(({ code }) => code);

test('a whole delivery: accepted, progress, result; repeats are answered as before and change nothing', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint);
  const [handed] = await scene.askFor(endpoint);
  const result = { type: 'result', data: resolving(handed!.payload.targets.map(({ id }) => id)) } as const;
  const all: Said[] = [
    { type: 'accepted', eventId: randomUUID() },
    { type: 'started', eventId: randomUUID() },
    { type: 'progress', eventId: randomUUID(), data: { phase: 'cleaning', percent: 10 } },
    { ...result, eventId: randomUUID() },
  ];
  expect(await codes(endpoint, taskId, 1, ...all.slice(0, 3))).toEqual([200, 200, 200]);
  expect(await scene.workRow(taskId)).toMatchObject({
    phase: 'accepted',
    progress: { phase: 'cleaning', percent: 10 },
    queue_due_at: null,
    total_due_at: null,
  });
  expect(await codes(endpoint, taskId, 1, ...all)).toEqual([200, 200, 200, 200]);
  const { version } = await scene.task(taskId);
  expect(await scene.task(taskId)).toMatchObject({ status: { code: 'all-threats-resolved' }, version: 4 });
  // The end is reported: what comes after it finds the run over, but for what is known already.
  expect(await codes(endpoint, taskId, 1, all[0]!, all[3]!)).toEqual([200, 200]);
  expect(await codes(endpoint, taskId, 1, { type: 'progress', data: { phase: 'x' } }, result)).toEqual([410, 410]);
  expect((await scene.task(taskId)).version).toBe(version);
  expect(await scene.workRow(taskId)).toBeUndefined();
  expect(await scene.rows('SELECT FROM mitigation.open_task WHERE task_id = $1', taskId)).toEqual([]);
});

test('a result that overtakes its acceptance stands, and the acceptance finds the run over', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint);
  const [handed] = await scene.askFor(endpoint);
  const data = resolving(handed!.payload.targets.map(({ id }) => id));
  expect(await codes(endpoint, taskId, 1, { type: 'result', data }, { type: 'accepted' })).toEqual([200, 410]);
  expect(await scene.task(taskId)).toMatchObject({ status: { code: 'all-threats-resolved' } });
});

test('of one batch each item has its own answer: what is wrong with one keeps no other away', async () => {
  const endpoint = await scene.endpoint();
  const { taskId, good } = await accepted(endpoint);
  const body = (said: Said) => reportOf(said);
  const unknown = randomUUID();
  const { outcomes } = await takeReports(scene.pool, scene.policy, endpoint, [
    { taskId, attempt: 1, body: { type: 'nonsense' } },
    { taskId, attempt: 1, body: null },
    { taskId: unknown, attempt: 1, body: body({ type: 'accepted' }) },
    { taskId, attempt: 7, body: body({ type: 'accepted' }) },
    { taskId, attempt: 1, body: { ...body({ type: 'progress', data: { phase: 'x', percent: 101 } }) } },
    { taskId, attempt: 1, body: body({ type: 'progress', data: { phase: 'cleaning', percent: 99 } }) },
    { taskId, attempt: 1, body: body(good) },
  ]);
  expect(outcomes.map(({ code }) => code)).toEqual([422, 422, 404, 404, 422, 200, 200]);
  expect(outcomes[4]?.errors).toMatchObject([{ pointer: '/data/percent' }]);
  expect(await scene.task(taskId)).toMatchObject({ status: { code: 'all-threats-resolved' } });
});

test('a stale attempt gets 409 and changes nothing, also when another agent sends it', async () => {
  const endpoint = await scene.endpoint();
  const other = await scene.endpoint();
  const { taskId, good } = await accepted(endpoint);
  await scene.command(taskId, (task) => loseDelivery(task, 'unknown-to-agent'));
  expect(await scene.askFor(endpoint)).toMatchObject([{ taskId, attempt: 2 }]);
  const { version } = await scene.task(taskId);
  expect(await codes(endpoint, taskId, 1, { type: 'progress', data: { phase: 'x' } }, good)).toEqual([409, 409]);
  expect(await codes(other, taskId, 2, { type: 'accepted' }, good)).toEqual([409, 409]);
  expect((await scene.task(taskId)).version).toBe(version);
  expect(await codes(endpoint, taskId, 2, good)).toEqual([200]);
});

test('a result that breaks the contract ends the task as 19 with the place, and gets 422', async () => {
  const endpoint = await scene.endpoint();
  const { taskId } = await accepted(endpoint);
  const data = { outcome: 'finished', threats: [] };
  expect(await scene.say(endpoint, taskId, 1, { type: 'result', data })).toMatchObject([
    { code: 422, errors: [{ pointer: '/threats' }] },
  ]);
  expect(await scene.task(taskId)).toMatchObject({
    status: { code: 'agent-component-error', rejected: { pointer: '/threats' } },
  });
});

test('busy puts the run back for its time, uses up no delivery, and other runs go first', async () => {
  const endpoint = await scene.endpoint();
  const urgent = await scene.detect(endpoint, { severity: 5 });
  const other = await scene.detect(endpoint, { severity: 1, threat: { name: 'y', path: '/y' } });
  for (let attempt = 1; attempt <= 4; attempt++) {
    expect(await scene.askFor(endpoint)).toMatchObject([{ taskId: urgent, attempt }]);
    const retryAfterSeconds = attempt < 4 ? 0 : 600;
    expect(await codes(endpoint, urgent, attempt, { type: 'busy', data: { retryAfterSeconds } })).toEqual([200]);
  }
  expect(await scene.task(urgent)).toMatchObject({ run: { lostDeliveries: 0, deliveries: 0 }, attempt: 4 });
  const row = await scene.workRow(urgent);
  const { run } = await scene.task(urgent);
  expect(row.total_due_at.getTime() - Date.parse(run.requestedAt)).toBe(86_400_000);
  expect(row.not_before.toISOString()).toBe(run.notBefore);
  expect(await scene.askFor(endpoint)).toMatchObject([{ taskId: other }]);
  expect(await codes(endpoint, urgent, 4, { type: 'accepted' })).toEqual([409]);
});

test('one late result corrects an inferred end, once, and says so; the next one is over', async () => {
  const endpoint = await scene.endpoint();
  const { taskId, good, ids } = await accepted(endpoint);
  await scene.command(taskId, (task) => expireRun(task, 'run-clock', { limitSeconds: 600 }));
  expect(await scene.task(taskId)).toMatchObject({ status: { code: 'mitigation-timeout' } });
  const sent: Said = { ...good, eventId: randomUUID() };
  expect(await scene.say(endpoint, taskId, 1, sent)).toMatchObject([{ code: 200, late: true }]);
  expect(await codes(endpoint, taskId, 1, sent, { type: 'result', data: failing(ids) })).toEqual([200, 410]);
  expect(await scene.task(taskId)).toMatchObject({ status: { code: 'all-threats-resolved' } });
  expect(await scene.rows('SELECT FROM mitigation.open_task WHERE task_id = $1', taskId)).toEqual([]);
});

test('a late result changes nothing once a newer run opened', async () => {
  const endpoint = await scene.endpoint();
  const { taskId, good } = await accepted(endpoint);
  await scene.command(taskId, (task) => expireRun(task, 'run-clock', {}));
  await scene.command(taskId, (task) => retry(task, defaultClocks));
  expect(await codes(endpoint, taskId, 1, good)).toEqual([409]);
  expect(await scene.task(taskId)).toMatchObject({ run: { number: 2 }, status: { code: 'mitigation-in-progress' } });
});

test('a late assessment is taken though another task took over the threat meanwhile, and takes nothing back', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint, {}, policyWith({ cleanup: 'assess-first' }));
  const [handed] = await scene.askFor(endpoint);
  await scene.say(endpoint, taskId, 1, { type: 'accepted' });
  await scene.command(taskId, (task) => expireRun(task, 'run-clock', {}));
  await scene.rows('UPDATE mitigation.open_task SET reopen_until = now() WHERE task_id = $1', taskId);
  const successor = await scene.detect(endpoint);
  const [target] = handed!.payload.targets;
  const data = { outcome: 'assessed', threats: [{ id: target!.id, name: 'EICAR', outcome: 'found' }] };
  expect(await scene.say(endpoint, taskId, 1, { type: 'result', data })).toMatchObject([{ code: 200, late: true }]);
  expect(await scene.task(taskId)).toMatchObject({ status: { code: 'manual-cleanup-needed' } });
  expect(
    await scene.rows('SELECT task_id FROM mitigation.open_task WHERE endpoint_id = $1', endpoint.endpointId),
  ).toEqual([{ task_id: successor }]);
});

test('reports of one attempt that race are each taken once', async () => {
  const endpoint = await scene.endpoint();
  for (let round = 0; round < 4; round++) {
    const { taskId, good } = await accepted(endpoint);
    const sent: Said = { ...good, eventId: randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => scene.say(endpoint, taskId, 1, { type: 'progress', data: { phase: 'x' } }, sent)),
    );
    expect(answers.map((outcomes) => outcomes[1]?.code)).toEqual([200, 200, 200, 200, 200]);
    expect(await scene.task(taskId)).toMatchObject({ version: 4, status: { code: 'all-threats-resolved' } });
  }
});

describe('cancel', () => {
  test('a run that was never handed out is withdrawn', async () => {
    const endpoint = await scene.endpoint();
    const taskId = await scene.detect(endpoint);
    expect(await scene.command(taskId, cancel)).toMatchObject({ ok: true, task: { cancel: { outcome: 'withdrawn' } } });
    expect(await scene.workRow(taskId)).toBeUndefined();
    expect(await scene.askFor(endpoint)).toEqual([]);
  });

  test('a run that is out is asked to stop: `stopped` ends it, an acceptance after the wish gets 410', async () => {
    const endpoint = await scene.endpoint();
    const taskId = await scene.detect(endpoint);
    await scene.askFor(endpoint);
    expect(await scene.command(taskId, cancel)).toMatchObject({ ok: true, task: { cancel: {} } });
    expect(await codes(endpoint, taskId, 1, { type: 'accepted' })).toEqual([410]);
    const stopped = { type: 'result', data: { outcome: 'stopped' } } as const;
    expect(await codes(endpoint, taskId, 1, stopped)).toEqual([200]);
    expect(await scene.task(taskId)).toMatchObject({
      status: { code: 'incomplete-task', reason: 'cancelled' },
      cancel: { outcome: 'stopped' },
    });
  });

  test('a result that came first stands, and the cancel was too late', async () => {
    const endpoint = await scene.endpoint();
    const { taskId, good } = await accepted(endpoint);
    await scene.command(taskId, cancel);
    expect(await codes(endpoint, taskId, 1, good)).toEqual([200]);
    expect(await scene.task(taskId)).toMatchObject({
      status: { code: 'all-threats-resolved' },
      cancel: { outcome: 'too-late' },
    });
  });

  test('`stopped` without a wish to stop does not fit', async () => {
    const endpoint = await scene.endpoint();
    const { taskId } = await accepted(endpoint);
    const stopped = { type: 'result', data: { outcome: 'stopped' } } as const;
    expect(await codes(endpoint, taskId, 1, stopped)).toEqual([422]);
  });
});
