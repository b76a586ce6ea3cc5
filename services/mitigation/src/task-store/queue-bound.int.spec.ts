import { randomUUID } from 'node:crypto';
import { openScan } from '../commands/open-scan.ts';
import { startAgentTask } from '../delivery/agent-tasks.ts';
import { detectionOn, openScene, type Scene, type TestEndpoint, taskOf } from './scene.fixture.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const bounded = () => ({ ...scene.policy, maxQueuedTasks: 3 });
const fill = (on: TestEndpoint, tasks: number) =>
  scene.take(Array.from({ length: tasks }, (_, n) => detectionOn(on, { threat: { name: 'x', path: `/${n}` } })));
const scanOf = ({ endpointId }: TestEndpoint) =>
  ({ kind: 'on-demand-scan', severity: 0, endpoint: { endpointId } }) as const;

test('detections beyond the bound are recorded with the reason, those of a held threat still join its task', async () => {
  const [full, other] = [await scene.endpoint(), await scene.endpoint()];
  await fill(full, 2);
  const batch = ['/a', '/b', '/a'].map((path) => detectionOn(full, { threat: { name: 'x', path } }));
  const { decided } = await scene.take([...batch, detectionOn(other)], bounded());
  expect(decided.map(({ disposition }) => disposition)).toMatchObject([
    { kind: 'open' },
    { kind: 'recorded', endpointId: full.endpointId, reason: 'its endpoint has 3 tasks waiting already' },
    { kind: 'attach' },
    { kind: 'open', endpointId: other.endpointId },
  ]);
});

test('when there is room again, an update of what was only recorded opens its task', async () => {
  const endpoint = await scene.endpoint();
  await fill(endpoint, 3);
  const late = detectionOn(endpoint, { severity: 3 });
  expect((await scene.take([late], bounded())).decided[0]?.disposition.kind).toBe('recorded');
  await scene.work(endpoint);
  const update = detectionOn(endpoint, { sourceId: late.sourceId, severity: 5 });
  expect(await scene.task(taskOf(await scene.take([update], bounded())))).toMatchObject({ severity: 5 });
});

test('a scan beyond the bound is refused for now, but the repeat of one that was opened is answered', async () => {
  const endpoint = await scene.endpoint();
  await fill(endpoint, 2);
  const by = { actor: 'key:test', idempotency: { owner: 'test', key: randomUUID() } };
  const first = await openScan(scene.pool, bounded(), scanOf(endpoint), by);
  expect(first).toMatchObject({ ok: true });
  expect(await openScan(scene.pool, bounded(), scanOf(endpoint), by)).toEqual(first);
  const second = { ...by, idempotency: { ...by.idempotency, key: randomUUID() } };
  expect(await openScan(scene.pool, bounded(), scanOf(endpoint), second)).toMatchObject({ code: 'queue-full' });
});

test("a user's request beyond the bound is refused for now, but the repeat of one that was opened is answered", async () => {
  const endpoint = await scene.endpoint();
  await fill(endpoint, 2);
  const request = { requestId: randomUUID(), kind: 'on-demand-scan' } as const;
  expect(await startAgentTask(scene.pool, bounded(), endpoint, request)).toMatchObject({ ok: true, known: false });
  expect(await startAgentTask(scene.pool, bounded(), endpoint, request)).toMatchObject({ ok: true, known: true });
  const next = { ...request, requestId: randomUUID() };
  expect(await startAgentTask(scene.pool, bounded(), endpoint, next)).toMatchObject({
    refusal: { code: 'queue-full' },
  });
});
