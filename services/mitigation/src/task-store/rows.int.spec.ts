import { randomUUID } from 'node:crypto';
import { statusEntry } from '@quell/contracts/status-catalogue';
import { inTransaction } from '@quell/service-kit/transaction';
import type { RecordedTaskEvent, Task } from '../task/task.ts';
import { sampleWalks, type Turn } from '../task/walk.fixture.ts';
import { openScene, type Scene } from './scene.fixture.ts';
import { commitTasks, loadTasks, retryingConflicts } from './task-store.ts';

const seed = Math.trunc(Math.random() * 2 ** 31);
let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

/** Commits a history turn by turn, as the use cases do, and looks at the rows beside the task after each. */
async function commit(turns: readonly Turn[], look: (taskId: string, task: Task, threatKey: string) => Promise<void>) {
  const [taskId, endpointId] = [randomUUID(), randomUUID()];
  const threatKey = `path:file:/${taskId}`;
  let before: Task | undefined;
  for (const { events } of turns) {
    if (events.length === 0) continue;
    const envelope = { actor: 'test', correlationId: taskId, occurredAt: new Date() };
    const change = {
      taskId,
      ...(before === undefined ? {} : { before }),
      expectedVersion: before?.version ?? 0,
      events: events.map((event) => ({ id: randomUUID(), event: located(event, endpointId, threatKey), envelope })),
    };
    const after = await inTransaction(scene.pool, (client) => commitTasks(client, [change], scene.policy));
    before = after.get(taskId)!;
    await look(taskId, before, threatKey);
  }
}

/** Every task on an endpoint of its own, and with a threat: then each holds a key, or held it. */
function located({ type, data }: RecordedTaskEvent, endpointId: string, threatKey: string): RecordedTaskEvent {
  if (type !== 'TaskOpened') return { type, data } as RecordedTaskEvent;
  return { type, data: { ...data, endpoint: { ...data.endpoint, endpointId }, threatKey } } as RecordedTaskEvent;
}

test(`the rows beside a task say what its events say, after every step of any history (seed ${seed})`, async () => {
  let held = 0;
  for (const turns of sampleWalks(seed, 12)) {
    await commit(turns, async (taskId, task, threatKey) => {
      const stored = await inTransaction(scene.pool, (client) => loadTasks(client, [taskId]));
      expect(task).toEqual(stored.get(taskId));
      const row = await scene.workRow(taskId);
      const { status, run } = task;
      if (status.code !== 'mitigation-in-progress') expect(row).toBeUndefined();
      else {
        const accepted = run.firstAcceptedAt !== undefined;
        expect(row).toMatchObject({
          phase: status.phase,
          run: run.number,
          mode: run.mode,
          attempt: task.attempt,
          agent_id: status.phase === 'queued' ? null : run.agentId,
        });
        expect([row.queue_due_at === null, row.total_due_at === null, row.run_due_at === null]).toEqual([
          accepted,
          accepted,
          !accepted,
        ]);
        expect(row.cancel_due_at === null).toBe(task.cancel?.run !== run.number);
        expect((row.lease_expires_at === null) === (status.phase === 'queued')).toBe(true);
        const clocks = [row.queue_due_at, row.total_due_at, row.run_due_at, row.cancel_due_at].filter(Boolean);
        expect(row.next_due_at.getTime()).toBe(Math.min(...clocks.map((clock: Date) => clock.getTime())));
      }
      const [hold] = await scene.rows('SELECT * FROM mitigation.open_task WHERE threat_key = $1', threatKey);
      const { actionRequired } = statusEntry(status.code);
      const isOpen = status.code === 'mitigation-in-progress' || status.code === 'manual-cleanup-needed';
      if (run.mode === 'rollback' || !(isOpen || actionRequired)) expect(hold).toBeUndefined();
      else {
        held += 1;
        const until = isOpen ? null : Date.parse(run.endedAt!) + scene.policy.reopenAfterSeconds * 1000;
        expect(hold).toMatchObject({ task_id: taskId });
        expect(hold.reopen_until === null ? null : hold.reopen_until.getTime()).toBe(until);
      }
    });
  }
  expect(held).toBeGreaterThan(0);
}, 30_000);

test('a change that was decided on an older version, or that is stored already, writes nothing at all', async () => {
  const [endpoint, other] = [await scene.endpoint(), await scene.endpoint()];
  const [taskId, free] = [await scene.detect(endpoint), await scene.detect(other)];
  const [stale, fresh] = [await scene.task(taskId), await scene.task(free)];
  await scene.detect(endpoint);
  const envelope = { actor: 'test', correlationId: taskId, occurredAt: new Date() };
  const cancelled = { type: 'TaskWithdrawn' as const, data: { run: 1 } };
  const change = (id: string, before: Task) => ({
    taskId: id,
    before,
    expectedVersion: before.version,
    events: [{ id: randomUUID(), event: cancelled, envelope }],
  });
  await expect(
    inTransaction(scene.pool, (client) =>
      commitTasks(client, [change(free, fresh), change(taskId, stale)], scene.policy),
    ),
  ).rejects.toThrow(taskId);
  expect((await scene.task(free)).version).toBe(1);
  expect(await scene.workRow(free)).toMatchObject({ phase: 'queued' });
});

test('two that lock each other out are both through in the end', async () => {
  const [one, two] = [await scene.endpoint(), await scene.endpoint()];
  const threat = { name: 'x', path: '/deadlock' };
  const ids = [await scene.detect(one, { threat }), await scene.detect(two, { threat })];
  // Each holds the row that the other one wants: what a database would call a deadlock, made on purpose.
  let arrived = 0;
  const both = Promise.withResolvers<void>();
  const lock = (order: readonly string[]) => {
    let first = true;
    return retryingConflicts(scene.pool, async (client) => {
      await client.query('UPDATE mitigation.work SET priority = priority WHERE task_id = $1', [order[0]]);
      if (first) {
        first = false;
        if (++arrived === 2) both.resolve();
        await both.promise;
      }
      await client.query('UPDATE mitigation.work SET priority = priority WHERE task_id = $1', [order[1]]);
      return 'through';
    });
  };
  expect(await Promise.all([lock(ids), lock([...ids].reverse())])).toEqual(['through', 'through']);
});
