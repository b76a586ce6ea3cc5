import { randomUUID } from 'node:crypto';
import type { NormalisedDetection } from '@quell/contracts/detection';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import { startAgentTask } from '../delivery/agent-tasks.ts';
import { isConflict, isDeadlock } from '../task-store/conflict.ts';
import { detectionOn, openScene, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const WRITERS = 8;
const ROUNDS = 4;

/** As a consumer does it: again until it is through. */
async function takeAll(batch: readonly NormalisedDetection[]): Promise<void> {
  await eventually(
    () =>
      scene.take(batch).then(
        () => true,
        (error) => {
          if (!isConflict(error) && !isDeadlock(error)) throw error;
          return false;
        },
      ),
    { everyMs: 1 },
  );
}

const tasksOf = (endpoint: TestEndpoint) =>
  scene.rows(
    `SELECT e.stream_id AS id, count(*) FILTER (WHERE e.type = 'TaskOpened')::int AS opened,
       count(*) FILTER (WHERE e.type = 'DetectionAttached')::int AS attached, max(version) = count(*) AS dense
     FROM mitigation.event e WHERE e.stream_id IN (SELECT task_id FROM mitigation.work WHERE endpoint_id = $1) GROUP BY 1`,
    endpoint.endpointId,
  );

test('eight writers with detections of one threat on one endpoint make one task that counts them all', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const endpoint = await scene.endpoint();
    const batches = Array.from({ length: WRITERS }, () => [detectionOn(endpoint), detectionOn(endpoint)]);
    await Promise.all(batches.map(takeAll));
    expect(await tasksOf(endpoint)).toMatchObject([{ opened: 1, attached: WRITERS * 2 - 1, dense: true }]);
  }
}, 30_000);

test('whatever the order in which eight writers bring several threats, repeats and updates, each threat gets one task', async () => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const rounds = fc.sample(fc.infiniteStream(fc.nat(1_000_000)), { seed, numRuns: 1 })[0]!;
  const next = () => rounds.next().value as number;
  for (let round = 0; round < ROUNDS; round++) {
    const endpoint = await scene.endpoint();
    const threats = ['a', 'b', 'c', 'd'].map((name) => ({ name, path: `/tmp/${name}` }));
    const originals = threats.map((threat) => detectionOn(endpoint, { threat }));
    const batches = Array.from({ length: WRITERS }, () =>
      originals
        .map((original) => ({ original, at: next(), how: next() % 3 }))
        .sort((a, b) => a.at - b.at)
        .map(({ original, how }) => {
          if (how === 0) return original;
          const { threat, sourceId } = original;
          return detectionOn(endpoint, how === 1 ? { threat } : { threat, sourceId, severity: 5 });
        }),
    );
    await Promise.all(batches.map(takeAll));
    const tasks = await tasksOf(endpoint);
    expect({ seed, round, tasks: tasks.length, dense: tasks.every(({ dense }) => dense) }).toEqual({
      seed,
      round,
      tasks: threats.length,
      dense: true,
    });
    const [{ stored }] = await scene.rows(
      'SELECT count(*)::int AS stored FROM mitigation.detection WHERE endpoint_id = $1',
      endpoint.endpointId,
    );
    expect(stored).toBe(new Set(batches.flat().map(({ detectionId }) => detectionId)).size);
  }
}, 30_000);

test('of several who find an expired hold one replaces it, and the others join its task', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const endpoint = await scene.endpoint();
    const first = await scene.detect(endpoint);
    await scene.work(endpoint, { outcome: 'component-error' });
    await scene.rows('UPDATE mitigation.open_task SET reopen_until = now() WHERE task_id = $1', first);
    await Promise.all(Array.from({ length: WRITERS }, () => takeAll([detectionOn(endpoint)])));
    expect(await tasksOf(endpoint)).toMatchObject([{ opened: 1, attached: WRITERS - 1 }]);
  }
}, 30_000);

test("a user's report races with a detection of the same threat: one task, and the user is told which", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const endpoint = await scene.endpoint();
    const threat = { name: 'X', path: `/tmp/${round}` };
    const request = { requestId: randomUUID(), kind: 'user-initiated-event', threat } as const;
    const [answer] = await Promise.all([
      startAgentTask(scene.pool, scene.policy, endpoint, request),
      takeAll([detectionOn(endpoint, { threat })]),
    ]);
    const [task, ...others] = await tasksOf(endpoint);
    expect(others).toEqual([]);
    expect(answer).toMatchObject({ ok: true, ref: { taskId: task.id, run: 1 } });
  }
}, 30_000);
