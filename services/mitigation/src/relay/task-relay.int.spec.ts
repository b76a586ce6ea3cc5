import { setImmediate as soon } from 'node:timers/promises';
import { taskAfter } from '@quell/contracts/task';
import { load } from '@quell/event-store/load';
import { relayRunner } from '@quell/event-store/relay';
import type { OutgoingMessage } from '@quell/messaging/broker';
import { PublishFailed } from '@quell/messaging/broker-errors';
import { eventually } from '@quell/testing/eventually';
import { SCHEMA } from '../database/schema.ts';
import { openScene, type Scene } from '../task-store/scene.fixture.ts';
import { foldOf, storeHistories } from '../views/random-histories.fixture.ts';
import { taskAfterOf } from '../views/task-dto.ts';
import { taskRelay } from './task-relay.ts';

const seed = Math.trunc(Math.random() * 2 ** 31);
let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

interface Published {
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { data: unknown; after: unknown };
}

/** Whatever arrives on the topic, and a relay that can be started anew. */
function topic() {
  const arrived: Published[] = [];
  const arrive = async (messages: readonly OutgoingMessage[]) => {
    await soon();
    for (const { key, value, headers = {} } of messages)
      arrived.push({ key, headers, body: JSON.parse(String(value)) });
  };
  const start = (publish: typeof arrive) => {
    const connection = { connectionString: scene.database.fresh.url };
    const runner = relayRunner(taskRelay(scene.pool, publish), {
      connection,
      pollMilliseconds: 10,
      retryMilliseconds: 20,
      batchSize: 20,
    });
    runner.start();
    return runner;
  };
  return { arrived, arrive, start };
}

/** What a consumer that drops repeats by ce_id is left with, by task. */
function withoutRepeats(arrived: readonly Published[]): Map<string, Published[]> {
  const seen = new Set<string>();
  const byTask = new Map<string, Published[]>();
  for (const one of arrived) {
    const id = one.headers.ce_id!;
    if (seen.has(id)) continue;
    seen.add(id);
    byTask.set(one.key!, [...(byTask.get(one.key!) ?? []), one]);
  }
  return byTask;
}

const total = async () => (await scene.rows('SELECT count(*)::int AS n FROM mitigation.event'))[0].n as number;
const allArrived = async (arrived: readonly Published[]) =>
  new Set(arrived.map(({ headers }) => headers.ce_id)).size === (await total());

test(`every event arrives in the order of its task, with the task after it, over restarts and failures (seed ${seed})`, async () => {
  const { arrived, arrive, start } = topic();
  const ids = await storeHistories(scene.pool, 15, seed);
  // A broker that fails now and then: before the messages are there, or after.
  let calls = 0;
  const flaky = async (messages: readonly OutgoingMessage[]) => {
    const turn = calls++ % 5;
    if (turn === 1) throw new PublishFailed('away', { transient: true });
    await arrive(messages);
    if (turn === 3) throw new PublishFailed('no answer', { transient: true });
  };
  let runner = start(flaky);
  await eventually(() => arrived.length > 30);
  await runner.stop();
  runner = start(flaky);
  ids.push(...(await storeHistories(scene.pool, 15, seed + 1)));
  await eventually(() => allArrived(arrived));
  await runner.stop();

  const byTask = withoutRepeats(arrived);
  expect([...byTask.keys()].sort()).toEqual([...ids].sort());
  for (const [taskId, messages] of byTask) {
    const stored = (await load(scene.pool, SCHEMA, [taskId])).get(taskId)!;
    expect(messages.map(({ headers }) => Number(headers.ce_streamversion))).toEqual(
      stored.map(({ version }) => version),
    );
    for (const [index, { body, headers }] of messages.entries()) {
      const event = stored[index]!;
      expect(headers).toMatchObject({ ce_id: event.id, ce_type: `quell.task.${event.type}`, ce_subject: taskId });
      expect(body.data).toEqual(event.data);
      expect(body.after).toEqual(taskAfterOf((await foldOf(scene.pool, taskId, event.version))!));
      expect(taskAfter.safeParse(body.after).success).toBe(true);
    }
  }
  // Also what came twice came in order: a repeat starts over from an earlier place, it never skips one.
  const last = new Map<string, number>();
  for (const { key, headers } of arrived) {
    const version = Number(headers.ce_streamversion);
    expect(version).toBeLessThanOrEqual((last.get(key!) ?? 0) + 1);
    last.set(key!, Math.max(version, last.get(key!) ?? 0));
  }
}, 30_000);

test('an event that the broker refuses for good stops its own task only', async () => {
  const { arrived, arrive, start } = topic();
  const [refused, fine] = [await scene.endpoint(), await scene.endpoint()];
  const [taskId, other] = [await scene.detect(refused), await scene.detect(fine)];
  await scene.work(refused, { outcome: 'component-error' });
  const runner = start(async (messages) => {
    if (messages.some(({ key, headers }) => key === taskId && headers?.ce_streamversion === '2')) {
      throw new PublishFailed('the message is too large', { transient: false });
    }
    await arrive(messages);
  });
  try {
    await eventually(() => arrived.some(({ key }) => key === other));
    await scene.work(fine, { outcome: 'component-error' });
    await eventually(() => arrived.filter(({ key }) => key === other).length === 4);
    expect(arrived.filter(({ key }) => key === taskId).map(({ headers }) => headers.ce_streamversion)).toEqual(['1']);
    const parked = await scene.rows(`SELECT FROM mitigation.parked WHERE stream_id = $1`, taskId);
    expect(parked).toHaveLength(3);
  } finally {
    await runner.stop();
  }
}, 30_000);
