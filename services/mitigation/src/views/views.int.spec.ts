import type { TaskDto } from '@quell/contracts/task';
import { type TaskListQuery, taskListQuery } from '@quell/contracts/task-api';
import { load } from '@quell/event-store/load';
import { projectionStep } from '@quell/event-store/projection';
import { encodeCursor } from '@quell/service-kit/cursor';
import { eventually } from '@quell/testing/eventually';
import pg from 'pg';
import { listAgents } from '../agents/list-agents.ts';
import { SCHEMA } from '../database/schema.ts';
import { listDetections } from '../detections/list-detections.ts';
import { foldTask } from '../task/evolve.ts';
import { openScene, type Scene } from '../task-store/scene.fixture.ts';
import { recordedEvent } from '../task-store/stream.ts';
import { listTasks } from './list-tasks.ts';
import { foldOf, storeHistories } from './random-histories.fixture.ts';
import { readHistory, readTask } from './read-task.ts';
import { taskDtoOf } from './task-dto.ts';
import { taskViewProjection } from './task-view.projection.ts';

const seed = Math.trunc(Math.random() * 2 ** 31);
const TASKS = 80;
let scene: Scene;
let client: pg.Client;
let ids: string[];
let tasks: TaskDto[];
const failures: unknown[] = [];

/** Whether the list has every task as of its last event. */
async function caughtUp(): Promise<boolean> {
  const behind = await scene.rows(
    `SELECT FROM mitigation.stream s LEFT JOIN mitigation.task_view v ON v.task_id = s.stream_id
     WHERE v.version IS DISTINCT FROM s.version LIMIT 1`,
  );
  return behind.length === 0 || failures.length > 0;
}

/** Follows the feed to its end, which an open transaction of another test on the same server holds back. */
async function project(batchSize = 500): Promise<void> {
  const step = projectionStep(taskViewProjection, { batchSize, onError: (error) => failures.push(error) });
  await eventually(async () => {
    while (await step(client));
    return caughtUp();
  });
}

beforeAll(async () => {
  scene = await openScene();
  client = new pg.Client({ connectionString: scene.database.fresh.url });
  await client.connect();
  ids = await storeHistories(scene.pool, TASKS / 2, seed);
  await project(7);
  ids.push(...(await storeHistories(scene.pool, TASKS / 2, seed + 1)));
  await project(50);
  tasks = await Promise.all(ids.map(async (id) => taskDtoOf(id, (await foldOf(scene.pool, id))!)));
}, 60_000);
afterAll(async () => {
  await client.end();
  await scene.close();
});

const query = (filters: object = {}): TaskListQuery => taskListQuery.parse({ limit: 500, ...filters });
const list = async (filters: object = {}) => (await listTasks(scene.database.dataSource, query(filters))).items;

test(`the list is the fold of every task's events, whatever their histories (seed ${seed})`, async () => {
  expect(failures).toEqual([]);
  const listed = new Map((await list()).map((task) => [task.id, task]));
  expect(listed.size).toBe(TASKS);
  for (const task of tasks) expect(listed.get(task.id)).toEqual(task);
  const rows = await scene.rows('SELECT * FROM mitigation.task_view');
  for (const row of rows) {
    const task = listed.get(row.task_id)!;
    expect(row).toMatchObject({
      status_code: task.status.code,
      status_group: task.status.group,
      action_required: task.status.actionRequired,
      reason: task.reason ?? null,
      attempt: task.attempt,
      run: task.run,
      version: task.version,
      updated_at: new Date(task.updatedAt),
    });
  }
});

describe('filters', () => {
  const some = () => tasks[Math.floor(TASKS / 3)]!;
  const filters: [name: string, () => { given: object; passes: (task: TaskDto) => boolean }][] = [
    [
      'status',
      () => ({ given: { status: some().status.code }, passes: ({ status }) => status.code === some().status.code }),
    ],
    [
      'several statuses',
      () => {
        const wanted = [tasks[0]!.status.code, tasks[1]!.status.code];
        return { given: { status: wanted }, passes: ({ status }) => wanted.includes(status.code) };
      },
    ],
    ['kind', () => ({ given: { kind: 'on-demand-scan' }, passes: ({ kind }) => kind === 'on-demand-scan' })],
    ['action required', () => ({ given: { actionRequired: 'true' }, passes: ({ status }) => status.actionRequired })],
    [
      'no action required',
      () => ({ given: { actionRequired: 'false' }, passes: ({ status }) => !status.actionRequired }),
    ],
    ['severity', () => ({ given: { severity: ['5'] }, passes: ({ severity }) => severity === 5 })],
    ['since', () => ({ given: { since: some().updatedAt }, passes: ({ updatedAt }) => updatedAt >= some().updatedAt })],
    [
      'endpoint',
      () => {
        const { endpointId } = tasks[0]!.endpoint;
        return { given: { endpoint: endpointId }, passes: ({ endpoint }) => endpoint.endpointId === endpointId };
      },
    ],
    [
      'host name, in any case',
      () => {
        const hostname = tasks[0]!.endpoint.hostname!;
        return {
          given: { endpoint: `${hostname.toUpperCase()}.` },
          passes: ({ endpoint }) => endpoint.hostname === hostname,
        };
      },
    ],
    [
      'two at once',
      () => ({
        given: { kind: ['on-demand-scan', 'threat-mitigation'], actionRequired: 'true' },
        passes: ({ kind, status }) => status.actionRequired && /^(on-demand|threat)/.test(kind),
      }),
    ],
  ];
  test.each(filters)('%s', async (_, filter) => {
    const { given, passes } = filter();
    const expected = tasks.filter(passes).map(({ id }) => id);
    expect((await list(given)).map(({ id }) => id).sort()).toEqual(expected.sort());
  });

  test('what no task fits is an empty page', async () => {
    expect(await list({ endpoint: 'nobody' })).toEqual([]);
  });
});

test('the pages together are the whole list, once each, the last updated first, and the same again', async () => {
  const walk = async (limit: number) => {
    const seen: TaskDto[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await listTasks(scene.database.dataSource, query({ limit, ...(cursor ? { cursor } : {}) }));
      seen.push(...page.items);
      expect(page.items.length).toBeLessThanOrEqual(limit);
      if (page.nextCursor === undefined) return seen.map(({ id, updatedAt }) => ({ id, updatedAt }));
      cursor = page.nextCursor;
    }
  };
  const byThrees = await walk(3);
  expect(new Set(byThrees.map(({ id }) => id)).size).toBe(TASKS);
  expect(byThrees).toHaveLength(TASKS);
  const times = byThrees.map(({ updatedAt }) => updatedAt);
  expect(times).toEqual([...times].sort().reverse());
  expect(await walk(TASKS)).toEqual(byThrees);
  // Tasks that were updated at the same time are what a cursor has to tell apart.
  expect(new Set(times).size).toBeLessThan(TASKS);
});

test('a cursor that we did not make is refused', async () => {
  const id = ids[0]!;
  const bad = [
    'nonsense',
    encodeCursor(['0000-01-01T00:00:00Z', id]),
    encodeCursor(['2026-01-01T00:00:00Z', '\u0000']),
    encodeCursor([-1]),
    encodeCursor([2 ** 31]),
    encodeCursor([Number.MAX_SAFE_INTEGER]),
  ];
  const refusal = { problem: { status: 400 } };
  for (const cursor of bad) {
    await expect(listTasks(scene.database.dataSource, query({ cursor }))).rejects.toMatchObject(refusal);
    const detections = listDetections(scene.database.dataSource, { limit: 1, cursor });
    await expect(detections).rejects.toMatchObject(refusal);
    await expect(readHistory(scene.pool, id, { limit: 1, cursor })).rejects.toMatchObject(refusal);
    await expect(listAgents(scene.pool, { limit: 1, cursor })).rejects.toMatchObject(refusal);
  }
  expect(await readHistory(scene.pool, id, { limit: 500, cursor: encodeCursor([2 ** 31 - 1]) })).toEqual({ items: [] });
});

test('a task as of a time is the fold of what was recorded up to it', async () => {
  for (const id of ids.slice(0, 10)) {
    const events = (await load(scene.pool, SCHEMA, [id])).get(id)!;
    for (const { recordedAt } of events) {
      const until = events.filter((event) => event.recordedAt <= recordedAt).map(recordedEvent);
      expect(await readTask(scene.pool, id, recordedAt.toISOString())).toEqual(taskDtoOf(id, foldTask(until)!));
    }
    const before = new Date(events[0]!.recordedAt.getTime() - 1).toISOString();
    expect(await readTask(scene.pool, id, before)).toBeUndefined();
    expect(await readTask(scene.pool, id, '2100-01-01T00:00:00+02:00')).toEqual(await readTask(scene.pool, id));
  }
});

test('the pages of a history are every event of the task once, in order', async () => {
  const { id, version } = tasks.reduce((longest, task) => (task.version > longest.version ? task : longest));
  const seen: number[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await readHistory(scene.pool, id, { limit: 2, cursor });
    seen.push(...page!.items.map((item) => item.version));
    cursor = page!.nextCursor;
    if (cursor === undefined) break;
  }
  expect(seen).toEqual(Array.from({ length: version }, (_, index) => index + 1));
  expect(await readHistory(scene.pool, '00000000-0000-4000-8000-000000000000', { limit: 2 })).toBeUndefined();
});

test('a name that no jsonb column takes keeps no task out of the list', async () => {
  const endpoint = await scene.endpoint();
  const threat = { name: 'a\u0000b', sha256: 'ab'.repeat(32) };
  const taskId = await scene.detect(endpoint, { threat });
  await project();
  expect(failures).toEqual([]);
  expect((await list({ endpoint: endpoint.endpointId }))[0]).toEqual(await readTask(scene.pool, taskId));
});

test('two who project at the same time fold every event once', async () => {
  const more = await storeHistories(scene.pool, 10, seed + 2);
  const others = await Promise.all([1, 2].map(() => scene.pool.connect()));
  const steps = others.map(() => projectionStep(taskViewProjection, { batchSize: 5 }));
  // Whoever loses the checkpoint fails and goes on from where the other one is.
  const follow = (index: number) =>
    eventually(async () => {
      while (await steps[index]!(others[index] as unknown as pg.Client).catch(() => true));
      return caughtUp();
    });
  await Promise.all([follow(0), follow(1)]);
  for (const other of others) other.release();
  const listed = new Map((await list()).map((task) => [task.id, task]));
  for (const id of more) expect(listed.get(id)).toEqual(await readTask(scene.pool, id));
});
