import { randomUUID } from 'node:crypto';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { eventually } from '@quell/testing/eventually';
import type { Pool, PoolClient } from 'pg';
import { changedIdentifiers } from '../endpoints/changed-identifiers.ts';
import { recordHost } from '../endpoints/host-record.ts';
import { detectionOn, openScene, policyWith, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { redecideUnresolved } from './redecide.ts';
import { takeDetections } from './take.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const log = createLog('test', 'silent');
/** After a change of the endpoint, or of something that has this host name. */
async function redecide(about: TestEndpoint | string, causeId = randomUUID(), policy = scene.policy) {
  const changedAt = new Date();
  const identifiers =
    typeof about === 'string'
      ? [`hostname ${about}`]
      : await changedIdentifiers(scene.pool, [
          { changeId: causeId, reason: 'host-changed', endpointId: about.endpointId, changedAt },
        ]);
  return redecideUnresolved(scene.pool, policy, identifiers, { causeId, log });
}
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

/** The scene's database, where something happens between the first statement with this text and the one after it. */
function pausedAfter(sql: string, happens: () => Promise<void>): Pool {
  let over = false;
  const connect = async () => {
    const client = await scene.pool.connect();
    const query = async (...given: Parameters<PoolClient['query']>) => {
      const result: unknown = await client.query(...given);
      const isIt = !over && JSON.stringify(given).includes(sql);
      over ||= isIt;
      if (isIt) await happens();
      return result;
    };
    return Object.assign(Object.create(client), { query, release: () => client.release() });
  };
  return Object.assign(Object.create(scene.pool), { connect, query: scene.pool.query.bind(scene.pool) });
}

test('a detection that fits no endpoint waits, and opens its task when one appears that it fits', async () => {
  const detection = detectionOn({ hint: { hostname: 'appears-later' } });
  expect((await scene.take([detection])).decided[0]?.disposition.kind).toBe('unresolved');
  expect(await redecide('appears-later')).toEqual([]);
  expect(await rowOf(detection.detectionId)).toMatchObject({ disposition: 'unresolved', task_id: null });

  const endpoint = await scene.endpoint();
  await reports(endpoint, { hostname: 'appears-later' });
  const cause = randomUUID();
  expect(await redecide(endpoint, cause)).toEqual([endpoint.endpointId]);
  const { disposition, task_id: taskId, reason } = await rowOf(detection.detectionId);
  expect({ disposition, reason }).toEqual({ disposition: 'task', reason: null });
  expect(await scene.task(taskId)).toMatchObject({
    detections: { count: 1, ids: [detection.detectionId] },
    endpoint: { endpointId: endpoint.endpointId },
  });
  expect(await redecide(endpoint, cause)).toEqual([]);
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
  expect(await redecide(one)).toEqual([]);
  const later = detectionOn(
    { hint: { hostname: 'twin' } },
    { detectedAt: new Date(Date.now() + 60_000).toISOString() },
  );
  await scene.take([later]);
  await reports(two, { hostname: 'twin-2' });
  expect(await redecide(two)).toEqual([one.endpointId]);
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
  await redecide(endpoint, randomUUID(), policyWith({ openTaskFrom: { minSeverity: 3 } }));
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
  const redecided = redecide(endpoint);
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

test('an update that is committed while its detection is decided again is not lost', async () => {
  const hint = { hostname: 'updated-meanwhile' };
  const detection = detectionOn({ hint }, { severity: 2 });
  const update = detectionOn({ hint }, { severity: 5, sourceId: detection.sourceId });
  await scene.take([detection]);
  const endpoint = await scene.endpoint();
  const pool = pausedAfter('content FROM mitigation.detection', async () => {
    await scene.take([update]);
    await reports(endpoint, hint);
  });
  expect(
    await redecideUnresolved(pool, scene.policy, ['hostname updated-meanwhile'], { causeId: randomUUID(), log }),
  ).toEqual([endpoint.endpointId]);
  const row = await rowOf(detection.detectionId);
  expect(JSON.parse(row.content)).toMatchObject({ severity: 5 });
  expect(row.event_ids.slice(0, 2)).toEqual([detection.eventId, update.eventId]);
  expect(await scene.task(row.task_id)).toMatchObject({ severity: 5 });
});

test('a stored detection that no longer fits its contract keeps no other back', async () => {
  const [broken, old, good] = ['a', 'b', 'c'].map((sourceId) =>
    detectionOn(
      { hint: { hostname: 'beside-broken' } },
      { sourceId, threat: { name: sourceId, path: `/${sourceId}` } },
    ),
  );
  await scene.take([broken!, old!, good!]);
  const overwrite = 'UPDATE mitigation.detection SET content = $2 WHERE detection_id = $1';
  await scene.rows(overwrite, broken!.detectionId, '{"cut');
  await scene.rows(overwrite, old!.detectionId, JSON.stringify({ ...old, severity: 'grave' }));
  const endpoint = await scene.endpoint();
  await reports(endpoint, { hostname: 'beside-broken' });
  expect(await redecide(endpoint)).toEqual([endpoint.endpointId]);
  expect(await rowOf(good!.detectionId)).toMatchObject({ disposition: 'task' });
  expect(await rowOf(old!.detectionId)).toMatchObject({ disposition: 'unresolved' });
});

test('more unresolved detections than fit one transaction are all decided again', async () => {
  const hints = Array.from({ length: 450 }, (_, index) =>
    detectionOn({ hint: { hostname: 'many' } }, { threat: { name: `t${index}` } }),
  );
  await scene.take(hints);
  const endpoint = await scene.endpoint();
  await reports(endpoint, { hostname: 'many' });
  expect(await redecide(endpoint)).toEqual([endpoint.endpointId]);
  const [{ left }] = await scene.rows(
    `SELECT count(*)::int AS left FROM mitigation.detection WHERE endpoint_id = $1 AND disposition = 'task'`,
    endpoint.endpointId,
  );
  expect(left).toBe(450);
});

test('a change decides only those again that name something of it: of a thousand others none is read', async () => {
  const others = Array.from({ length: 1000 }, (_, index) => detectionOn({ hint: { hostname: `other-${index}` } }));
  for (let at = 0; at < others.length; at += 250) await scene.take(others.slice(at, at + 250));
  const mine = detectionOn({ hint: { hostname: 'only-mine', ips: ['203.0.113.9'] } });
  await scene.take([mine]);
  await scene.rows('ANALYZE mitigation.detection');
  const plan = await scene.rows(
    `EXPLAIN SELECT detection_id FROM mitigation.detection WHERE disposition = 'unresolved' AND hints && '{"hostname only-mine"}'`,
  );
  expect(plan.map((line) => line['QUERY PLAN']).join()).toContain('detection_unresolved_hints');
  const [{ hints }] = await scene.rows(
    'SELECT hints FROM mitigation.detection WHERE detection_id = $1',
    mine.detectionId,
  );
  expect(hints).toEqual(['hostname only-mine', 'ip 203.0.113.9']);
  const endpoint = await scene.endpoint();
  await reports(endpoint, { hostname: 'only-mine' });
  expect(await redecide(endpoint)).toEqual([endpoint.endpointId]);
  const after = await scene.rows('SELECT hints FROM mitigation.detection WHERE detection_id = $1', mine.detectionId);
  expect(after).toEqual([{ hints: null }]);
});
