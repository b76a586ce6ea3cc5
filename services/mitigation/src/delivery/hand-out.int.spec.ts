import { randomUUID } from 'node:crypto';
import { cancel, retry } from '../task/commands.ts';
import { loseDelivery } from '../task/deliveries.ts';
import { defaultClocks } from '../task/settings.ts';
import { everything } from '../task/steps.fixture.ts';
import { openScene, policyWith, resolving, type Scene } from '../task-store/scene.fixture.ts';
import { startAgentTask } from './agent-tasks.ts';
import { handOut } from './hand-out.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const assessing = policyWith({ cleanup: 'assess-first' });

test('a hand-out is a lease: the run is out under its attempt, and nothing more is due', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint);
  const before = await scene.task(taskId);
  const [handed, ...others] = await scene.askFor(endpoint);
  expect(others).toEqual([]);
  expect(handed).toMatchObject({
    taskId,
    run: 1,
    attempt: 1,
    mode: 'mitigate',
    kind: 'threat-mitigation',
    payload: before.run.payload,
    payloadSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    runTimeoutSeconds: 600,
    leaseSeconds: 90,
    notBefore: before.run.notBefore,
  });
  expect(Date.parse(handed!.startBy) - Date.parse(before.run.requestedAt)).toBe(86_400_000);
  const row = await scene.workRow(taskId);
  expect(row).toMatchObject({ phase: 'dispatched', attempt: 1, agent_id: endpoint.agentId, boot_id: 'boot-1' });
  const dispatched = await scene.task(taskId);
  expect(row.lease_expires_at.getTime() - Date.parse(dispatched.updatedAt)).toBe(90_000);
  expect(await scene.askFor(endpoint)).toEqual([]);
});

test('one run that changes state at a time, the most severe first; assessments go beside it', async () => {
  const endpoint = await scene.endpoint();
  const threat = (name: string) => ({ name, path: `/t/${name}` });
  const low = await scene.detect(endpoint, { severity: 1, threat: threat('low') });
  const high = await scene.detect(endpoint, { severity: 5, threat: threat('high') });
  const looks = [
    await scene.detect(endpoint, { threat: threat('look-1') }, assessing),
    await scene.detect(endpoint, { threat: threat('look-2') }, assessing),
  ];
  const first = await scene.askFor(endpoint);
  expect(first.map(({ taskId }) => taskId).sort()).toEqual([high, ...looks].sort());
  expect(await scene.askFor(endpoint)).toEqual([]);
  const { attempt, payload } = first.find(({ taskId }) => taskId === high)!;
  await scene.say(endpoint, high, attempt, { type: 'result', data: resolving(payload.targets.map(({ id }) => id)) });
  expect(await scene.askFor(endpoint)).toMatchObject([{ taskId: low }]);
});

test('replicas that race for one endpoint hand out one changing run, once', async () => {
  const seed = Math.trunc(Math.random() * 1000);
  for (let round = 0; round < 5; round++) {
    const endpoint = await scene.endpoint();
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) {
      const threat = { name: 'x', path: `/t/${index}` };
      ids.push(await scene.detect(endpoint, { threat }, (seed + round + index) % 4 === 0 ? assessing : scene.policy));
    }
    const handed = (await Promise.all(Array.from({ length: 6 }, () => scene.askFor(endpoint)))).flat();
    // Whoever found the endpoint locked was told that nothing is due: it is there at the next look.
    handed.push(...(await scene.askFor(endpoint)));
    expect({ seed, changing: handed.filter(({ mode }) => mode === 'mitigate').length }).toEqual({ seed, changing: 1 });
    expect(new Set(handed.map(({ taskId }) => taskId)).size).toBe(handed.length);
    expect(handed.every(({ attempt }) => attempt === 1)).toBe(true);
    const dispatched = await scene.rows(
      `SELECT stream_id FROM mitigation.event WHERE type = 'TaskDispatched' AND stream_id = ANY($1::uuid[])`,
      ids,
    );
    expect(dispatched).toHaveLength(handed.length);
  }
});

test('the rows themselves refuse a second changing run on an endpoint, whatever the code does', async () => {
  const endpoint = await scene.endpoint();
  const [one, two] = [await scene.detect(endpoint), await scene.scan(endpoint)];
  const out = (taskId: string) =>
    scene.rows(`UPDATE mitigation.work SET phase = 'dispatched' WHERE task_id = $1`, taskId);
  await out(one);
  await expect(out(two)).rejects.toMatchObject({ code: '23505' });
});

test('an agent that cannot run the task ends it as 14, and a scan is offered when it could do that', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint);
  expect(await scene.askFor(endpoint, 'boot-1', ['scan'])).toEqual([]);
  expect(await scene.task(taskId)).toMatchObject({ status: { code: 'platform-not-supported', scanOffered: true } });
  expect(await scene.workRow(taskId)).toBeUndefined();
});

test('an exception that came after the opening ends the run before its first hand-out, but never between deliveries', async () => {
  const [endpoint, other] = [await scene.endpoint(), await scene.endpoint()];
  const [never, once] = [await scene.detect(endpoint), await scene.detect(other)];
  const [handed] = await scene.askFor(other);
  await scene.say(other, once, handed!.attempt, { type: 'busy', data: { retryAfterSeconds: 0 } });
  await scene.rows(
    `INSERT INTO mitigation.mitigation_exception (id, kind, value, reason) SELECT gen_random_uuid(), 'device', d, 'x'
     FROM unnest($1::text[]) d`,
    [endpoint.deviceId, other.deviceId],
  );
  expect(await scene.askFor(endpoint)).toEqual([]);
  expect(await scene.task(never)).toMatchObject({ status: { code: 'mitigation-exception' } });
  expect(await scene.askFor(other)).toMatchObject([{ taskId: once, attempt: 2 }]);

  await scene.rows(`DELETE FROM mitigation.mitigation_exception`);
  expect(await scene.command(never, (task) => retry(task, defaultClocks))).toMatchObject({ ok: true });
  expect(await scene.askFor(endpoint)).toMatchObject([{ taskId: never, run: 2, attempt: 1 }]);
});

test('what the database calls due is handed out, whatever the time is on this machine', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint);
  const real = Date;
  // This replica's clock is an hour behind that of the database.
  globalThis.Date = class extends real {
    constructor(...given: unknown[]) {
      super(...((given.length === 0 ? [real.now() - 3_600_000] : given) as [number]));
    }
  } as DateConstructor;
  try {
    expect(await scene.askFor(endpoint)).toMatchObject([{ taskId }]);
  } finally {
    globalThis.Date = real;
  }
});

test('a run that was asked to stop while it waits is not handed out', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint);
  const [handed] = await scene.askFor(endpoint);
  await scene.command(taskId, cancel);
  await scene.say(endpoint, taskId, handed!.attempt, { type: 'busy', data: { retryAfterSeconds: 0 } });
  expect(await scene.workRow(taskId)).toMatchObject({ phase: 'queued' });
  expect(await scene.askFor(endpoint)).toEqual([]);
});

test('a restore that was started on the endpoint goes beside a run, but is handed out anew only in its turn', async () => {
  const endpoint = await scene.endpoint();
  const restored = await scene.detect(endpoint);
  await scene.work(endpoint);
  const mitigated = await scene.detect(endpoint);
  expect(await scene.askFor(endpoint)).toMatchObject([{ taskId: mitigated }]);
  const request = { requestId: randomUUID(), kind: 'restore', taskId: restored } as const;
  const answer = await startAgentTask(scene.pool, scene.policy, endpoint, request);
  expect(answer).toMatchObject({ ok: true, ref: { taskId: restored, run: 2, attempt: 2 } });
  expect(await scene.workRow(restored)).toMatchObject({ phase: 'accepted', changes_state: false });

  await scene.command(restored, (task) => loseDelivery(task, 'unknown-to-agent'));
  expect(await scene.askFor(endpoint)).toEqual([]);
  const { payload } = (await scene.task(mitigated)).run;
  await scene.say(endpoint, mitigated, 1, { type: 'result', data: resolving(payload.targets.map(({ id }) => id)) });
  expect(await scene.askFor(endpoint)).toMatchObject([{ taskId: restored, run: 2, attempt: 3 }]);
  const asking = { ...endpoint, bootId: 'boot-1', capabilities: everything };
  await scene.scan(endpoint);
  expect(await handOut(scene.pool, scene.policy, asking, randomUUID())).toEqual([]);
});
