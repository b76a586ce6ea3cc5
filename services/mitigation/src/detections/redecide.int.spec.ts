import { randomUUID } from 'node:crypto';
import { inTransaction } from '@quell/service-kit/transaction';
import { eventually } from '@quell/testing/eventually';
import { recordHost } from '../endpoints/host-record.ts';
import { detectionOn, openScene, policyWith, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { redecideUnresolved } from './redecide.ts';
import { takeDetections } from './take.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const redecide = (cause = randomUUID()) => redecideUnresolved(scene.pool, scene.policy, cause);
const rowOf = async (detectionId: string) =>
  (await scene.rows('SELECT * FROM mitigation.detection WHERE detection_id = $1', detectionId))[0];

/** What an agent says of its machine. */
const reports = (on: TestEndpoint, host: { hostname: string; ips?: string[] }) =>
  inTransaction(scene.pool, (client) =>
    recordHost(
      client,
      on.endpointId,
      { host: { ips: [], macs: [], platform: 'linux', osVersion: '6', ...host } },
      new Date(),
    ),
  );

test('a detection that fits no endpoint waits, and opens its task when one appears that it fits', async () => {
  const detection = detectionOn({ hint: { hostname: 'appears-later' } });
  expect((await scene.take([detection])).decided[0]?.disposition.kind).toBe('unresolved');
  expect(await redecide()).toEqual([]);
  expect(await rowOf(detection.detectionId)).toMatchObject({ disposition: 'unresolved', task_id: null });

  const endpoint = await scene.endpoint();
  await reports(endpoint, { hostname: 'appears-later' });
  const cause = randomUUID();
  expect(await redecide(cause)).toEqual([endpoint.endpointId]);
  const { disposition, task_id: taskId, reason } = await rowOf(detection.detectionId);
  expect({ disposition, reason }).toEqual({ disposition: 'task', reason: null });
  expect(await scene.task(taskId)).toMatchObject({
    detections: { count: 1, ids: [detection.detectionId] },
    endpoint: { endpointId: endpoint.endpointId },
  });
  expect(await redecide(cause)).toEqual([]);
  expect((await scene.take([detection])).decided[0]?.disposition.kind).toBe('duplicate');
  expect((await scene.task(taskId)).version).toBe(1);
});

test('an ambiguous detection names its candidates, cleans neither, and finds its endpoint when one of them is renamed', async () => {
  const [one, two] = [await scene.endpoint(), await scene.endpoint()];
  await reports(one, { hostname: 'twin' });
  await reports(two, { hostname: 'twin' });
  const detection = detectionOn({ hint: { hostname: 'twin' } }, { detectedAt: new Date().toISOString() });
  await scene.take([detection]);
  const { disposition, candidates } = await rowOf(detection.detectionId);
  expect(disposition).toBe('unresolved');
  expect(candidates.map(({ endpointId }: TestEndpoint) => endpointId).sort()).toEqual(
    [one.endpointId, two.endpointId].sort(),
  );
  expect(await redecide()).toEqual([]);
  const later = detectionOn(
    { hint: { hostname: 'twin' } },
    { detectedAt: new Date(Date.now() + 60_000).toISOString() },
  );
  await scene.take([later]);
  await reports(two, { hostname: 'twin-2' });
  expect(await redecide()).toEqual([one.endpointId]);
  expect(await rowOf(later.detectionId)).toMatchObject({ disposition: 'task', candidates: null });
});

test('an update of an unresolved detection is decided again', async () => {
  const detection = detectionOn({ hint: { hostname: 'nobody' } });
  await scene.take([detection]);
  const endpoint = await scene.endpoint();
  const update = detectionOn({ hint: { deviceId: endpoint.deviceId } }, { sourceId: detection.sourceId });
  expect((await scene.take([update])).decided[0]?.disposition.kind).toBe('open');
  expect(await rowOf(detection.detectionId)).toMatchObject({
    disposition: 'task',
    event_ids: [detection.eventId, update.eventId],
  });
});

test('decided again below the policy it is recorded', async () => {
  const detection = detectionOn({ hint: { hostname: 'low' } }, { severity: 1 });
  await scene.take([detection]);
  const endpoint = await scene.endpoint();
  await reports(endpoint, { hostname: 'low' });
  await redecideUnresolved(scene.pool, policyWith({ openTaskFrom: { minSeverity: 3 } }), randomUUID());
  expect(await rowOf(detection.detectionId)).toMatchObject({
    disposition: 'recorded',
    endpoint_id: endpoint.endpointId,
  });
});

test('a batch that was matched before the endpoint appeared is waited for, so that none of it stays unresolved', async () => {
  const detection = detectionOn({ hint: { hostname: 'just-in-time' } });
  const consumer = await scene.pool.connect();
  await consumer.query('BEGIN');
  await takeDetections(consumer, [detection], scene.policy);

  const endpoint = await scene.endpoint();
  await reports(endpoint, { hostname: 'just-in-time' });
  const redecided = redecide();
  await eventually(async () => {
    const waiting = await scene.rows(
      `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    return waiting.length === 1;
  });
  await consumer.query('COMMIT');
  consumer.release();
  expect(await redecided).toEqual([endpoint.endpointId]);
  expect(await rowOf(detection.detectionId)).toMatchObject({ disposition: 'task' });
});

test('more unresolved detections than fit one transaction are all decided again', async () => {
  const hints = Array.from({ length: 450 }, (_, index) =>
    detectionOn({ hint: { hostname: 'many' } }, { threat: { name: `t${index}` } }),
  );
  await scene.take(hints);
  const endpoint = await scene.endpoint();
  await reports(endpoint, { hostname: 'many' });
  expect(await redecide()).toEqual([endpoint.endpointId]);
  const [{ left }] = await scene.rows(
    `SELECT count(*)::int AS left FROM mitigation.detection WHERE endpoint_id = $1 AND disposition = 'task'`,
    endpoint.endpointId,
  );
  expect(left).toBe(450);
});
