import { inTransaction } from '@quell/service-kit/transaction';
import { rollback } from '../task/commands.ts';
import { defaultClocks } from '../task/settings.ts';
import { detectionOn, failing, openScene, policyWith, type Scene, taskOf } from '../task-store/scene.fixture.ts';
import { saveDetections } from './rows.ts';
import { takeDetections } from './take.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const detectionRow = async (detectionId: string) =>
  (await scene.rows('SELECT * FROM mitigation.detection WHERE detection_id = $1', detectionId))[0];
const tasksOn = async (endpointId: string) =>
  (await scene.rows('SELECT DISTINCT task_id FROM mitigation.open_task WHERE endpoint_id = $1', endpointId)).length;

test('the first detection opens a task; the same content again is only counted', async () => {
  const endpoint = await scene.endpoint();
  const detection = detectionOn(endpoint);
  const taskId = taskOf(await scene.take([detection]));
  const again = await scene.take([detection, detection]);
  expect(again.decided.map(({ disposition }) => disposition.kind)).toEqual(['duplicate', 'duplicate']);
  expect(await scene.task(taskId)).toMatchObject({ version: 1, detections: { count: 1 } });
  expect(await detectionRow(detection.detectionId)).toMatchObject({
    disposition: 'task',
    task_id: taskId,
    duplicates: 2,
  });
});

test('other content of the same detection is an update, counted once, that changes no status', async () => {
  const endpoint = await scene.endpoint();
  const first = detectionOn(endpoint, { severity: 2 });
  const taskId = taskOf(await scene.take([first]));
  await scene.work(endpoint);
  const changed = detectionOn(endpoint, { sourceId: first.sourceId, severity: 5 });
  const taken = await scene.take([changed]);
  expect(taken.decided[0]?.disposition).toEqual({ kind: 'update', taskId });
  expect(await scene.task(taskId)).toMatchObject({
    status: { code: 'all-threats-resolved' },
    severity: 5,
    detections: { count: 1 },
  });
  expect(await detectionRow(first.detectionId)).toMatchObject({
    severity: 5,
    duplicates: 0,
    endpoint_id: endpoint.endpointId,
    event_ids: [first.eventId, changed.eventId],
  });
  expect((await scene.take([first])).decided[0]?.disposition.kind).toBe('duplicate');
});

test('an old content that comes again after more updates than are remembered has no effect', async () => {
  const endpoint = await scene.endpoint();
  const first = detectionOn(endpoint);
  const taskId = taskOf(await scene.take([first]));
  const updates = Array.from({ length: 120 }, (_, index) =>
    detectionOn(endpoint, { sourceId: first.sourceId, threat: { ...first.threat, technique: `T${index}` } }),
  );
  await scene.take(updates);
  const { version } = await scene.task(taskId);
  const again = await scene.take([first, updates[3]!, updates[119]!]);
  expect(again.decided.map(({ disposition }) => disposition.kind)).toEqual(['duplicate', 'duplicate', 'duplicate']);
  expect((await scene.task(taskId)).version).toBe(version);
});

test('another detection of the threat on the endpoint joins the task, in the same batch and later', async () => {
  const endpoint = await scene.endpoint();
  const times = ['2026-11-23T10:00:05.000Z', '2026-11-23T10:00:01.000Z', '2026-11-23T10:00:09.000Z'];
  const [one, two, three] = times.map((detectedAt) => detectionOn(endpoint, { detectedAt }));
  const taskId = taskOf(await scene.take([one!, two!]));
  await scene.take([three!]);
  expect(await scene.task(taskId)).toMatchObject({
    detections: {
      count: 3,
      firstSeenAt: times[1],
      lastSeenAt: times[2],
      ids: [one, two, three].map((detection) => detection?.detectionId),
    },
  });
  expect(await tasksOn(endpoint.endpointId)).toBe(1);
});

test('another threat, and the same threat on another endpoint, are tasks of their own', async () => {
  const [here, there] = [await scene.endpoint(), await scene.endpoint()];
  const other = { name: 'EICAR', path: '/srv/ann/other.com' };
  const ids = [await scene.detect(here), await scene.detect(here, { threat: other }), await scene.detect(there)];
  expect(new Set(ids).size).toBe(3);
});

test('on Windows the case of a path makes no other threat; elsewhere it does', async () => {
  const [windows, linux] = [await scene.endpoint({ platform: 'windows' }), await scene.endpoint()];
  const [lower, upper] = ['c:\\temp\\x.exe', 'C:\\Temp\\X.exe'].map((path) => ({ name: 'X', path }));
  expect(await scene.detect(windows, { threat: lower! })).toBe(await scene.detect(windows, { threat: upper! }));
  expect(await scene.detect(linux, { threat: lower! })).not.toBe(await scene.detect(linux, { threat: upper! }));
});

test('after a resolved end the next detection opens a new task', async () => {
  const endpoint = await scene.endpoint();
  const first = await scene.detect(endpoint);
  await scene.work(endpoint);
  const second = await scene.detect(endpoint);
  expect(second).not.toBe(first);
  expect(await scene.task(second)).toMatchObject({ detections: { count: 1 }, status: { phase: 'queued' } });
});

test('a task that ends between the look for a holder and the look at its version takes no detection', async () => {
  const endpoint = await scene.endpoint();
  const first = await scene.detect(endpoint);
  const late = detectionOn(endpoint);
  const taken = await inTransaction(scene.pool, async (client) => {
    // The holder's end commits right after the consumer found out who holds the threat.
    const query = client.query.bind(client);
    let ended = false;
    const watched = Object.assign(Object.create(client), {
      query: async (...args: Parameters<typeof query>) => {
        const answer = await (query as (...all: unknown[]) => Promise<unknown>)(...args);
        if (!ended && JSON.stringify(args[0]).includes('open_task')) {
          ended = true;
          await scene.work(endpoint);
        }
        return answer;
      },
    });
    return takeDetections(watched, [late], scene.policy);
  }).catch(() => scene.take([late]));
  expect(taskOf(taken)).not.toBe(first);
  expect((await scene.task(first)).detections.count).toBe(1);
});

test('after an action-required end detections join until reopenAfter is over, then a new task takes the hold', async () => {
  const endpoint = await scene.endpoint();
  const first = await scene.detect(endpoint);
  const { payload } = (await scene.task(first)).run;
  await scene.work(endpoint, failing(payload.targets.map(({ id }) => id)));
  expect(await scene.detect(endpoint)).toBe(first);
  const [hold] = await scene.rows('SELECT * FROM mitigation.open_task WHERE task_id = $1', first);
  const { endedAt } = (await scene.task(first)).run;
  expect(hold.reopen_until.getTime() - Date.parse(endedAt!)).toBe(86_400_000);

  await scene.rows('UPDATE mitigation.open_task SET reopen_until = now() WHERE task_id = $1', first);
  const second = await scene.detect(endpoint);
  expect(second).not.toBe(first);
  expect(await scene.rows('SELECT task_id, reopen_until FROM mitigation.open_task WHERE task_id = $1', second)).toEqual(
    [{ task_id: second, reopen_until: null }],
  );
  expect(await scene.detect(endpoint)).toBe(second);
  expect(await scene.task(first)).toMatchObject({
    status: { code: 'not-all-threats-resolved' },
    detections: { count: 2 },
  });
});

test('once a rollback was asked for, the next detection opens a task that waits behind it', async () => {
  const endpoint = await scene.endpoint();
  const first = await scene.detect(endpoint);
  const { payload } = (await scene.task(first)).run;
  const [id] = payload.targets.map((target) => target.id);
  await scene.work(endpoint, {
    ...failing([id!]),
    backups: [{ id: 'b', threatId: id!, kind: 'file', path: '/srv/ann/eicar.com' }],
  });
  expect(await scene.detect(endpoint)).toBe(first);
  expect(await scene.command(first, (task) => rollback(task, defaultClocks))).toMatchObject({ ok: true });
  const second = await scene.detect(endpoint);
  expect(second).not.toBe(first);
  const handed = await scene.askFor(endpoint);
  expect(handed).toMatchObject([{ taskId: first, mode: 'rollback' }]);
});

test('below the policy a detection is recorded, and an update of it is decided again', async () => {
  const endpoint = await scene.endpoint();
  const strict = policyWith({ openTaskFrom: { minSeverity: 4, kinds: ['file'] } });
  const low = detectionOn(endpoint, { severity: 3 });
  const service = detectionOn(endpoint, { threat: { name: 'X', kind: 'service' } });
  const { decided } = await scene.take([low, service], strict);
  expect(decided.map(({ disposition }) => disposition.kind)).toEqual(['recorded', 'recorded']);
  expect(await detectionRow(low.detectionId)).toMatchObject({
    disposition: 'recorded',
    task_id: null,
    endpoint_id: endpoint.endpointId,
    reason: expect.stringContaining('severity 3'),
  });
  const raised = detectionOn(endpoint, { sourceId: low.sourceId, severity: 5 });
  const taskId = taskOf(await scene.take([raised], strict));
  expect(await detectionRow(low.detectionId)).toMatchObject({ disposition: 'task', task_id: taskId, reason: null });
  expect(await scene.task(taskId)).toMatchObject({ severity: 5, detections: { count: 1 } });
});

test('an endpoint that an exception covers gets a task that ends as such, and holds its threat', async () => {
  const endpoint = await scene.endpoint({ ips: ['10.1.2.3'] });
  await scene.rows(
    `INSERT INTO mitigation.mitigation_exception (id, kind, value, reason) VALUES (gen_random_uuid(), 'cidr', '10.1.0.0/16', 'lab')`,
  );
  const taskId = await scene.detect(endpoint);
  expect(await scene.task(taskId)).toMatchObject({
    status: { code: 'mitigation-exception', exception: { kind: 'cidr', value: '10.1.0.0/16' } },
  });
  expect(await scene.askFor(endpoint)).toEqual([]);
  expect(await scene.detect(endpoint)).toBe(taskId);
});

test('of two who took the same update only one is stored', async () => {
  const endpoint = await scene.endpoint();
  const first = detectionOn(endpoint);
  await scene.take([first]);
  const known = new Map([[first.detectionId, { eventIds: ['00000000-0000-4000-8000-000000000000'] }]]);
  const update = { detection: first, disposition: { kind: 'recorded', reason: 'x' }, events: [] } as const;
  await expect(inTransaction(scene.pool, (client) => saveDetections(client, [update], known as never))).rejects.toThrow(
    'taken by somebody else',
  );
});

test('an update that makes a detection graver has its waiting run handed out sooner', async () => {
  const endpoint = await scene.endpoint();
  const [first, second] = ['/a', '/b'].map((path) =>
    detectionOn(endpoint, { severity: 2, threat: { name: 'x', path } }),
  );
  await scene.take([first!]);
  const urgent = taskOf(await scene.take([second!]));
  const { sourceId, threat } = second!;
  await scene.take([detectionOn(endpoint, { sourceId, threat, severity: 6 })]);
  expect(await scene.workRow(urgent)).toMatchObject({ priority: 16 });
  expect(await scene.askFor(endpoint)).toMatchObject([{ taskId: urgent, priority: 6 }]);
});
