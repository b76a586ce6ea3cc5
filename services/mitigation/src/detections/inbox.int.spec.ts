import { InboxFenced } from '@quell/service-kit/inbox';
import { inTransaction } from '@quell/service-kit/transaction';
import { detectionOn, openScene, type Scene } from '../task-store/scene.fixture.ts';
import { loadOffsets, moveInbox, requireKnownCluster } from './inbox.ts';
import { takeDetections } from './take.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
beforeEach(() => scene.rows('DELETE FROM mitigation.inbox'));
afterAll(() => scene.close());

const at = { topic: 'detections.v1', partition: 3 };
const move = (from: bigint, nextOffset: bigint, clusterId = 'here') =>
  inTransaction(scene.pool, (client) => moveInbox(client, clusterId, { ...at, from, nextOffset }));
const stored = (clusterId = 'here') => loadOffsets(scene.pool, clusterId, [at, { ...at, partition: 4 }]);

test('the inbox moves from where it is and from nowhere else', async () => {
  expect(await stored()).toEqual([]);
  await move(0n, 5n);
  await move(5n, 9n);
  await expect(move(5n, 20n)).rejects.toThrow(InboxFenced);
  await expect(move(20n, 21n)).rejects.toThrow(InboxFenced);
  expect(await stored()).toEqual([{ ...at, nextOffset: 9n }]);
});

test('whoever loses the move loses everything of its transaction: no task, no detection, no event', async () => {
  const endpoint = await scene.endpoint();
  const [first, second] = [detectionOn(endpoint), detectionOn(endpoint)];
  const batch = (detection: typeof first) =>
    inTransaction(scene.pool, async (client) => {
      await takeDetections(client, [detection], scene.policy);
      await moveInbox(client, 'here', { ...at, from: 0n, nextOffset: 1n });
    });
  await batch(first);
  // A zombie that goes on from the offset it knew.
  await expect(batch(second)).rejects.toThrow(InboxFenced);
  const [counted] = await scene.rows(
    `SELECT (SELECT count(*)::int FROM mitigation.detection) AS detections, (SELECT count(*)::int FROM mitigation.event) AS events`,
  );
  expect(counted).toEqual({ detections: 1, events: 1 });
});

test('of two that begin a partition at the same time one is through', async () => {
  for (let round = 0; round < 5; round++) {
    await scene.rows('DELETE FROM mitigation.inbox');
    const moves = await Promise.allSettled([1n, 2n, 3n, 4n].map((nextOffset) => move(0n, nextOffset)));
    expect(moves.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  }
});

test('offsets are those of the cluster that is asked about', async () => {
  await move(0n, 5n, 'elsewhere');
  expect(await stored()).toEqual([]);
  await move(0n, 2n);
  expect(await stored()).toEqual([{ ...at, nextOffset: 2n }]);
});

test('a cluster is taken when it is the first, or was there before; only a foreign one alone is refused', async () => {
  await requireKnownCluster(scene.pool, 'here');
  await move(0n, 5n, 'elsewhere');
  await expect(requireKnownCluster(scene.pool, 'here')).rejects.toThrow(/Kafka is cluster here.*came from elsewhere/);
  await move(0n, 5n);
  await requireKnownCluster(scene.pool, 'here');
});
