import { randomUUID } from 'node:crypto';
import { acknowledge, cancel, retry, rollback, runCleanup } from '../task/commands.ts';
import type { Decision } from '../task/decision.ts';
import { defaultClocks } from '../task/settings.ts';
import type { Task } from '../task/task.ts';
import { failing, openScene, policyWith, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { type OpenScanRequest, openScan } from './open-scan.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const assessing = policyWith({ cleanup: 'assess-first' });
const orders = {
  'run-cleanup': (task: Task) => runCleanup(task, defaultClocks),
  retry: (task: Task) => retry(task, defaultClocks),
  rollback: (task: Task) => rollback(task, defaultClocks),
  cancel,
  acknowledge: (task: Task) => acknowledge(task),
} satisfies Record<string, (task: Task) => Decision>;
const expire = (taskId: string) =>
  scene.rows('UPDATE mitigation.open_task SET reopen_until = now() WHERE task_id = $1', taskId);

async function failed(endpoint: TestEndpoint): Promise<string> {
  const taskId = await scene.detect(endpoint);
  const { payload } = (await scene.task(taskId)).run;
  await scene.work(endpoint, failing(payload.targets.map(({ id }) => id)));
  return taskId;
}
/** Assessed, with its threat found: the hold goes on until Run Cleanup. */
async function assessed(endpoint: TestEndpoint): Promise<string> {
  const taskId = await scene.detect(endpoint, {}, assessing);
  const [target] = (await scene.task(taskId)).run.payload.targets;
  await scene.work(endpoint, { outcome: 'assessed', threats: [{ id: target!.id, name: 'EICAR', outcome: 'found' }] });
  return taskId;
}

describe('what the state of a task refuses, with the reason, and without an event', () => {
  const states = {
    queued: (endpoint: TestEndpoint) => scene.detect(endpoint),
    'resolved without backups': async (endpoint: TestEndpoint) => {
      const taskId = await scene.detect(endpoint);
      const [target] = (await scene.task(taskId)).run.payload.targets;
      await scene.work(endpoint, {
        outcome: 'finished',
        threats: [{ id: target!.id, name: 'EICAR', outcome: 'resolved' }],
      });
      return taskId;
    },
    assessed,
    failed,
  };
  test.each([
    ['queued', 'run-cleanup', 'wrong-status'],
    ['queued', 'retry', 'in-progress'],
    ['queued', 'rollback', 'in-progress'],
    ['queued', 'acknowledge', 'in-progress'],
    ['resolved without backups', 'run-cleanup', 'wrong-status'],
    ['resolved without backups', 'retry', 'wrong-status'],
    ['resolved without backups', 'rollback', 'nothing-to-restore'],
    ['resolved without backups', 'cancel', 'not-in-progress'],
    ['assessed', 'retry', 'wrong-status'],
    ['assessed', 'cancel', 'not-in-progress'],
    ['failed', 'run-cleanup', 'wrong-status'],
    ['failed', 'rollback', 'nothing-to-restore'],
  ] as const)('%s: %s is refused as %s', async (state, order, code) => {
    const taskId = await states[state](await scene.endpoint());
    const { version } = await scene.task(taskId);
    expect(await scene.command(taskId, orders[order])).toMatchObject({ ok: false, refusal: { code } });
    expect((await scene.task(taskId)).version).toBe(version);
  });

  test('a task that does not exist', async () => {
    expect(await scene.command(randomUUID(), orders.retry)).toMatchObject({
      ok: false,
      refusal: { code: 'not-found' },
    });
  });
});

test('retry and Run Cleanup open a new run that is due at once and holds the threat', async () => {
  const endpoint = await scene.endpoint();
  for (const [prepare, order, mode] of [
    [failed, 'retry', 'mitigate'],
    [assessed, 'run-cleanup', 'mitigate'],
  ] as const) {
    const taskId = await prepare(endpoint);
    expect(await scene.command(taskId, orders[order])).toMatchObject({ ok: true, task: { run: 2, mode } });
    expect(await scene.detect(endpoint)).toBe(taskId);
    const [hold] = await scene.rows('SELECT reopen_until FROM mitigation.open_task WHERE task_id = $1', taskId);
    expect(hold.reopen_until).toBeNull();
    const { handed } = await scene.work(endpoint);
    expect(handed).toMatchObject({ taskId, run: 2, attempt: 2 });
  }
});

test('a retry of a task whose threat went to another task is refused and names that task', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await failed(endpoint);
  await expire(taskId);
  const successor = await scene.detect(endpoint);
  const answer = await scene.command(taskId, orders.retry);
  expect(answer).toMatchObject({
    ok: false,
    refusal: { code: 'replaced', detail: expect.stringContaining(successor) },
  });
  // Once the other has resolved it, the way is free again.
  await scene.work(endpoint);
  expect(await scene.command(taskId, orders.retry)).toMatchObject({ ok: true });
  expect(await scene.detect(endpoint)).toBe(taskId);
});

test('Run Cleanup of a task that lost its threat to another is refused and names that task', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await assessed(endpoint);
  await scene.rows('DELETE FROM mitigation.open_task WHERE task_id = $1', taskId);
  const successor = await scene.detect(endpoint);
  expect(await scene.command(taskId, orders['run-cleanup'])).toMatchObject({
    ok: false,
    refusal: { code: 'replaced', detail: expect.stringContaining(successor) },
  });
});

test('a retry and a detection that race for an expired hold: one of them gets it', async () => {
  for (let round = 0; round < 5; round++) {
    const endpoint = await scene.endpoint();
    const taskId = await failed(endpoint);
    await expire(taskId);
    const detected = scene.detect(endpoint).catch(() => scene.detect(endpoint));
    const [answer, went] = await Promise.all([scene.command(taskId, orders.retry), detected]);
    const holders = await scene.rows(
      'SELECT task_id FROM mitigation.open_task WHERE endpoint_id = $1',
      endpoint.endpointId,
    );
    expect(holders).toEqual([{ task_id: went }]);
    expect(answer.ok ? went === taskId : went !== taskId && answer.refusal.detail.includes(went)).toBe(true);
  }
});

test('a rollback needs no hold: it opens though another task has the threat', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint);
  await scene.work(endpoint);
  const other = await scene.detect(endpoint);
  expect(await scene.command(taskId, orders.rollback)).toMatchObject({ ok: true, task: { run: 2, mode: 'rollback' } });
  expect(await scene.detect(endpoint)).toBe(other);
});

test('two operators who order the same at once open one run', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await failed(endpoint);
  const answers = await Promise.all([1, 2, 3].map(() => scene.command(taskId, orders.retry)));
  expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  expect(await scene.task(taskId)).toMatchObject({ run: { number: 2 } });
});

test('an acknowledgement is kept with its author and note; a second one changes nothing', async () => {
  const taskId = await failed(await scene.endpoint());
  await scene.command(taskId, (task) => acknowledge(task, 'called'));
  const answer = await scene.command(taskId, (task) => acknowledge(task, 'again'));
  expect(answer).toMatchObject({ ok: true, task: { acknowledged: { by: 'key:test', note: 'called' } } });
});

describe('POST /v1/tasks', () => {
  const open = (endpoint: OpenScanRequest['endpoint'], key?: string, more: Partial<OpenScanRequest> = {}) =>
    openScan(
      scene.pool,
      scene.policy,
      { kind: 'on-demand-scan', severity: 0, endpoint, ...more },
      { actor: 'key:test', ...(key === undefined ? {} : { idempotency: { owner: 'test', key } }) },
    );

  test('the same key and body is one task, also at the same time; another body under the key is refused', async () => {
    const { endpointId } = await scene.endpoint();
    for (let round = 0; round < 4; round++) {
      const key = randomUUID();
      const answers = await Promise.all([1, 2, 3, 4].map(() => open({ endpointId }, key)));
      const ids = answers.map((answer) => (answer.ok ? answer.task.id : answer.code));
      expect(new Set(ids).size).toBe(1);
      expect(await open({ endpointId }, key, { payload: { paths: ['/other'] } })).toMatchObject({
        ok: false,
        code: 'key-reused',
      });
    }
  });

  test('different bodies under one key at the same time: one opens, the others are refused', async () => {
    const { endpointId } = await scene.endpoint();
    for (let round = 0; round < 4; round++) {
      const key = randomUUID();
      const answers = await Promise.all(
        ['/a', '/b', '/c'].map((path) => open({ endpointId }, key, { payload: { paths: [path] } })),
      );
      expect(answers.map((answer) => (answer.ok ? 'opened' : answer.code)).sort()).toEqual([
        'key-reused',
        'key-reused',
        'opened',
      ]);
    }
  });

  test('without a key each call opens a scan; keys of others are others', async () => {
    const { endpointId } = await scene.endpoint();
    const [one, two] = [await open({ endpointId }), await open({ endpointId })];
    expect(one.ok && two.ok && one.task.id !== two.task.id).toBe(true);
    const key = randomUUID();
    const mine = await open({ endpointId }, key);
    const theirs = await openScan(
      scene.pool,
      scene.policy,
      { kind: 'on-demand-scan', severity: 0, endpoint: { endpointId } },
      { actor: 'key:test', idempotency: { owner: 'other', key } },
    );
    expect(mine.ok && theirs.ok && mine.task.id !== theirs.task.id).toBe(true);
  });

  test('an endpoint is named by any of its names; one that nobody knows, or that fits two, is refused', async () => {
    const endpoint = await scene.endpoint();
    for (const name of [
      { deviceId: endpoint.deviceId },
      { agentId: endpoint.agentId },
      { endpointId: endpoint.endpointId },
    ]) {
      expect(await open(name)).toMatchObject({ ok: true, task: { endpoint: { endpointId: endpoint.endpointId } } });
    }
    expect(await open({ deviceId: 'nobody' })).toMatchObject({ ok: false, code: 'not-found' });
    expect(await open({ endpointId: randomUUID() })).toMatchObject({ ok: false, code: 'not-found' });
    const twins = [await scene.endpoint(), await scene.endpoint()];
    for (const { endpointId } of twins) {
      await scene.rows(`INSERT INTO mitigation.host_interval VALUES ($1, 'hostname', 'twin', now(), NULL)`, endpointId);
    }
    expect(await open({ hostname: 'TWIN' })).toMatchObject({ ok: false, code: 'ambiguous' });
  });
});
