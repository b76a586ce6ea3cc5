import { randomUUID } from 'node:crypto';
import { agentTaskRequest } from '@quell/contracts/agent-protocol';
import { nativeDetection } from '@quell/contracts/detection';
import { taskListQuery } from '@quell/contracts/task-api';
import { projectionStep } from '@quell/event-store/projection';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import pg from 'pg';
import { startAgentTask } from '../delivery/agent-tasks.ts';
import { detectionOn, openScene, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { listTasks } from '../views/list-tasks.ts';
import { readTask } from '../views/read-task.ts';
import { taskViewProjection } from '../views/task-view.projection.ts';
import { findDetection, listDetections } from './list-detections.ts';

const BATCHES = 20;
let scene: Scene;
let client: pg.Client;
let endpoints: TestEndpoint[];
const failures: unknown[] = [];

beforeAll(async () => {
  scene = await openScene();
  client = new pg.Client({ connectionString: scene.database.fresh.url });
  await client.connect();
  endpoints = [await scene.endpoint(), await scene.endpoint({ platform: 'windows' })];
});
afterAll(async () => {
  await client.end();
  await scene.close();
});

/** Follows the feed until these tasks are in the list as of their last event: a transaction of another test may hold the feed back. */
async function project(taskIds: readonly string[]): Promise<void> {
  const step = projectionStep(taskViewProjection, { onError: (error) => failures.push(error) });
  await eventually(async () => {
    while (await step(client));
    const behind = await scene.rows(
      `SELECT FROM mitigation.stream s LEFT JOIN mitigation.task_view v ON v.task_id = s.stream_id
       WHERE s.stream_id = ANY($1::uuid[]) AND v.version IS DISTINCT FROM s.version`,
      taskIds,
    );
    return behind.length === 0 || failures.length > 0;
  });
  expect(failures).toEqual([]);
}

/** The task as the list has it is the task as its stream has it. */
async function expectListed(taskIds: readonly string[]): Promise<void> {
  await project(taskIds);
  const listed = new Map<string, unknown>();
  for (const { endpointId } of endpoints) {
    for (let cursor: string | undefined; ; ) {
      const query = taskListQuery.parse({ limit: 500, endpoint: endpointId, ...(cursor ? { cursor } : {}) });
      const page = await listTasks(scene.database.dataSource, query);
      for (const task of page.items) listed.set(task.id, task);
      cursor = page.nextCursor;
      if (cursor === undefined) break;
    }
  }
  for (const taskId of taskIds) expect(listed.get(taskId)).toEqual(await readTask(scene.pool, taskId));
}

/** Any sequence of UTF-16 code units: control characters, U+0000, halves of surrogate pairs. What is refused is filtered out later. */
const anyText = (maxLength: number) =>
  fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength }),
    fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), minLength: 1, maxLength: 40 }),
    // As long as it may be, in the characters that take the most bytes.
    fc.constantFrom('a', '\u0001', 'é', '€', '😀').map((unit) => unit.repeat(maxLength)),
  );

const twoDigits = (max: number) => fc.nat(max).map((number) => String(number).padStart(2, '0'));
const anyTime = fc
  .tuple(
    fc.oneof(fc.constantFrom(0, 1, 9999), fc.nat(9999)).map((year) => String(year).padStart(4, '0')),
    fc.constantFrom('01-01T00:00:00', '06-15T12:30:59', '12-31T23:59:59'),
    fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 30 }),
    fc.oneof(
      fc.constant('Z'),
      fc
        .tuple(fc.constantFrom('+', '-'), twoDigits(23), twoDigits(59))
        .map(([sign, hours, minutes]) => `${sign}${hours}:${minutes}`),
    ),
  )
  .map(([year, rest, digits, zone]) => `${year}-${rest}${digits === '' ? '' : `.${digits}`}${zone}`);

const anyThreat = fc.record(
  {
    name: anyText(512),
    kind: fc.constantFrom('file' as const, 'registry-key' as const, 'other' as const),
    path: anyText(4096),
    technique: anyText(64),
  },
  { requiredKeys: ['name'] },
);

const anyHint = fc.oneof(
  { weight: 3, arbitrary: fc.nat(1).map((which) => ({ deviceId: endpoints[which]!.deviceId })) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        agentId: fc.string({ unit: fc.constantFrom(...'abcXYZ019-_'), minLength: 43, maxLength: 43 }),
        deviceId: anyText(128),
        hostname: anyText(253),
        ips: fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 3 }),
      },
      { requiredKeys: [] },
    ),
  },
);

const anyDetection = fc.record(
  {
    source: anyText(256),
    sourceId: anyText(500),
    detectedAt: fc.oneof(anyTime, fc.constant('2026-11-23T10:00:00Z')),
    severity: fc.constantFrom(0 as const, 4 as const, 99 as const),
    endpoint: anyHint,
    threat: anyThreat,
    actionTaken: fc.record({ by: anyText(256), action: anyText(256) }),
    raw: fc.jsonValue({ maxDepth: 3 }),
  },
  { requiredKeys: ['source', 'sourceId', 'detectedAt', 'severity', 'endpoint', 'threat'] },
);

test('any detection that its schema lets in is taken, folded, projected and listed as it came', async () => {
  let drawn = 0;
  let taken = 0;
  const holds = fc.asyncProperty(fc.array(anyDetection, { minLength: 25, maxLength: 40 }), async (candidates) => {
    // No two are the same detection: what is asked for is that each comes back as it came.
    const apart = candidates.map((candidate) => ({ ...candidate, sourceId: `${++drawn}:${candidate.sourceId}` }));
    const contents = apart.flatMap((candidate) => nativeDetection.safeParse(candidate).data ?? []);
    const detections = contents.map(({ endpoint, ...content }) => detectionOn({ hint: endpoint }, content));
    const { decided } = await scene.take(detections);
    await expectListed(decided.flatMap(({ disposition }) => ('taskId' in disposition ? [disposition.taskId] : [])));
    for (const { detectionId, source, sourceId, detectedAt, threat, endpoint } of detections) {
      const found = await findDetection(scene.database.dataSource, detectionId);
      expect(found).toMatchObject({ source, sourceId, threat, endpoint });
      expect(Math.abs(Date.parse(found!.detectedAt) - Date.parse(detectedAt))).toBeLessThanOrEqual(1);
      const bySource = await listDetections(scene.database.dataSource, { limit: 500, source });
      expect(bySource.items).toContainEqual(found);
    }
    taken += detections.length;
  });
  await fc.assert(holds, { numRuns: BATCHES, endOnFailure: true });
  // Most of what is drawn has to be let in, or the law says nothing.
  expect(taken).toBeGreaterThan(drawn / 4);
}, 180_000);

test("whatever text an agent's result has, the run ends and its task is listed", async () => {
  const result = fc.record(
    {
      outcome: fc.constantFrom('finished' as const, 'component-error' as const, 'configuration-corrupted' as const),
      threat: fc.record({ name: anyText(512), path: anyText(4096), by: anyText(256), error: anyText(1024) }),
      component: fc.record({ name: anyText(256), error: anyText(1024) }),
      configurationFile: anyText(4096),
      strange: fc.dictionary(anyText(20), fc.constant(1), { maxKeys: 1 }),
    },
    { requiredKeys: ['outcome', 'threat', 'strange'] },
  );
  const holds = fc.asyncProperty(fc.array(result, { minLength: 5, maxLength: 5 }), async (results) => {
    const [endpoint] = endpoints;
    const ended: string[] = [];
    for (const { outcome, threat, strange, ...facts } of results) {
      const taskId = await scene.detect(endpoint!, { threat: { name: 'x', path: `/${randomUUID()}` } });
      await scene.rows('UPDATE mitigation.work SET priority = 99 WHERE task_id = $1', taskId);
      const handed = (await scene.askFor(endpoint!)).find((task) => task.taskId === taskId)!;
      const threats = handed.payload.targets.map(({ id }) => ({ ...threat, id, outcome: 'failed' }));
      const data = { ...strange, outcome, threats, ...facts };
      const said = await scene.say(endpoint!, taskId, handed.attempt, { type: 'accepted' }, { type: 'result', data });
      expect(said.map(({ code }) => code)).toEqual([200, expect.any(Number)]);
      expect((await scene.task(taskId)).status.code).not.toBe('mitigation-in-progress');
      ended.push(taskId);
    }
    await expectListed(ended);
  });
  // Tasks of the law above would be handed out first.
  await scene.rows('DELETE FROM mitigation.work');
  await fc.assert(holds, { numRuns: BATCHES, endOnFailure: true });
}, 180_000);

test('any threat that a user can report opens a task', async () => {
  const holds = fc.asyncProperty(anyThreat, fc.nat(1), async (threat, which) => {
    const request = { requestId: randomUUID(), kind: 'user-initiated-event', threat };
    const parsed = agentTaskRequest.safeParse(request);
    if (!parsed.success) return;
    const answer = await startAgentTask(scene.pool, scene.policy, endpoints[which]!, parsed.data);
    expect(answer.ok).toBe(true);
    if (answer.ok) await expectListed([answer.ref.taskId]);
  });
  await fc.assert(holds, { numRuns: BATCHES * 3, endOnFailure: true });
}, 180_000);
