import { randomUUID } from 'node:crypto';
import type { AgentTaskRequest } from '@quell/contracts/agent-protocol';
import { openScene, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { startAgentTask } from './agent-tasks.ts';
import { replica } from './replica.fixture.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const start = (on: TestEndpoint, request: AgentTaskRequest) => startAgentTask(scene.pool, scene.policy, on, request);
const refOf = async (on: TestEndpoint, request: AgentTaskRequest) => {
  const answer = await start(on, request);
  if (!answer.ok) throw new Error(answer.refusal.detail);
  return answer;
};
const threat = { name: 'X', path: '/srv/ann/x.exe' };

/** A task that was resolved, with one item to put back. */
async function resolved(on: TestEndpoint): Promise<string> {
  await scene.detect(on);
  const { handed } = await scene.work(on);
  return handed.taskId;
}

describe('the same request again, also at the same time, starts nothing twice', () => {
  test.each([
    ["a user's scan", async () => ({ kind: 'on-demand-scan' as const, paths: ['/srv/ann'] })],
    ["a user's report", async () => ({ kind: 'user-initiated-event', threat }) as const],
    ['a restore', async (on: TestEndpoint) => ({ kind: 'restore', taskId: await resolved(on) }) as const],
  ])('%s', async (_, wanted) => {
    const endpoint = await scene.endpoint();
    const request: AgentTaskRequest = { requestId: randomUUID(), ...(await wanted(endpoint)) };
    const answers = await Promise.all([1, 2, 3, 4].map(() => refOf(endpoint, request)));
    expect(answers.filter(({ known }) => !known)).toHaveLength(1);
    const refs = answers.map(({ ref }) => ref);
    expect(refs).toEqual(refs.map(() => refs[0]));
    const { version } = await scene.task(refs[0]!.taskId);
    expect(await refOf(endpoint, request)).toMatchObject({ known: true, ref: refs[0] });
    expect((await scene.task(refs[0]!.taskId)).version).toBe(version);
  });
});

test("a user's scan asks the user what to do, unless the agent says otherwise", async () => {
  const endpoint = await scene.endpoint();
  const { ref } = await refOf(endpoint, { requestId: randomUUID(), kind: 'on-demand-scan', paths: ['/tmp'] });
  expect(await scene.task(ref.taskId)).toMatchObject({
    kind: 'on-demand-scan',
    initiator: 'user',
    run: { mode: 'scan', payload: { choose: true, paths: ['/tmp'], targets: [] } },
  });
});

test("a user's report of a threat that a task holds answers that task", async () => {
  const endpoint = await scene.endpoint();
  const holder = await scene.detect(endpoint, { threat });
  const answer = await refOf(endpoint, { requestId: randomUUID(), kind: 'user-initiated-event', threat });
  expect(answer).toMatchObject({ known: true, ref: { taskId: holder, run: 1, attempt: 0 } });
});

test('a detection of a threat that a user reported joins the report', async () => {
  const endpoint = await scene.endpoint();
  const { ref } = await refOf(endpoint, { requestId: randomUUID(), kind: 'user-initiated-event', threat });
  expect(await scene.detect(endpoint, { threat })).toBe(ref.taskId);
  expect(await scene.task(ref.taskId)).toMatchObject({ kind: 'user-initiated-event', detections: { count: 1 } });
});

test('a restore opens a rollback run that is accepted already; its result follows', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await resolved(endpoint);
  const [item] = (await scene.task(taskId)).restorable;
  const { ref } = await refOf(endpoint, { requestId: randomUUID(), kind: 'restore', taskId, items: [item!.id] });
  expect(ref).toEqual({ taskId, run: 2, attempt: 2 });
  expect(await scene.task(taskId)).toMatchObject({ run: { mode: 'rollback', cause: 'endpoint-restore' } });
  const [row] = await scene.rows(
    `SELECT actor FROM mitigation.event WHERE stream_id = $1 AND type = 'RunOpened'`,
    taskId,
  );
  expect(row.actor).toBe(`endpoint-user:${endpoint.agentId}`);
  // Nothing is handed out for it, and the agent's next check-in finds it known.
  const { checkIn } = replica(scene);
  const running = [{ taskId, run: 2, attempt: 2, phase: 'restoring' }];
  expect(await checkIn(endpoint, { running })).toMatchObject({ tasks: [], probes: [], cancels: [] });
  const data = { outcome: 'rolled-back', items: [{ id: item!.id, restored: true }] };
  expect(await scene.say(endpoint, taskId, 2, { type: 'result', data })).toMatchObject([{ code: 200 }]);
  expect(await scene.task(taskId)).toMatchObject({ status: { code: 'rollback-successful' }, restorable: [] });
});

test('a restore is refused while another run is open, when nothing is left, and for a task of another endpoint', async () => {
  const [endpoint, stranger] = [await scene.endpoint(), await scene.endpoint()];
  const open = await scene.detect(endpoint);
  const restore = (on: TestEndpoint, taskId: string) => start(on, { requestId: randomUUID(), kind: 'restore', taskId });
  expect(await restore(endpoint, open)).toMatchObject({ ok: false, refusal: { code: 'in-progress' } });
  await scene.work(endpoint, { outcome: 'component-error' });
  expect(await restore(endpoint, open)).toMatchObject({ ok: false, refusal: { code: 'nothing-to-restore' } });
  expect(await restore(stranger, open)).toMatchObject({ ok: false, refusal: { code: 'not-found' } });
  expect(await restore(endpoint, randomUUID())).toMatchObject({ ok: false, refusal: { code: 'not-found' } });
});

test('an exception that covers the endpoint ends what its user starts there', async () => {
  const endpoint = await scene.endpoint();
  await scene.rows(
    `INSERT INTO mitigation.mitigation_exception (id, kind, value, reason) VALUES (gen_random_uuid(), 'hostname', $1, 'x')`,
    endpoint.hostname.toUpperCase(),
  );
  const { ref } = await refOf(endpoint, { requestId: randomUUID(), kind: 'on-demand-scan' });
  expect(await scene.task(ref.taskId)).toMatchObject({ status: { code: 'mitigation-exception' } });
});
