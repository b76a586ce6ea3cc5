import { randomUUID } from 'node:crypto';
import type { RunResult } from '@quell/contracts/run-result';
import { relayRunner } from '@quell/event-store/relay';
import type { Broker, BrokerMessage } from '@quell/messaging/broker';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';
import { decided } from '../task/decision.ts';
import { openScene, type Scene } from '../task-store/scene.fixture.ts';
import { taskRelay } from './task-relay.ts';

let scene: Scene;
let broker: Broker;
beforeAll(async () => {
  scene = await openScene();
  broker = createKafkaBroker({ ...testKafka(), clientId: 'large-events' });
}, 60_000);
afterAll(async () => {
  await broker.close();
  await scene.close();
});

/** A topic of its own on a real broker, the relay that publishes to it, and what arrives there. */
async function published() {
  const topic = `large-events-${randomUUID()}`;
  await broker.admin.ensureTopics([{ name: topic, partitions: 1 }]);
  const arrived: BrokerMessage[] = [];
  const handle = async ({ messages }: { readonly messages: readonly BrokerMessage[] }) => {
    arrived.push(...messages);
    return { nextOffset: messages.at(-1)!.offset + 1n };
  };
  const group = `large-events-${randomUUID()}`;
  const consumer = await broker.consume({ group, topics: [topic], handle });
  const connection = { connectionString: scene.database.fresh.url };
  const relay = taskRelay(scene.pool, (messages) => broker.publish(topic, messages));
  const runner = relayRunner(relay, { connection, pollMilliseconds: 10, retryMilliseconds: 20 });
  runner.start();
  return {
    of: (taskId: string) => arrived.filter(({ key }) => String(key) === taskId),
    [Symbol.asyncDispose]: async () => {
      await runner.stop();
      await consumer.stop();
    },
  };
}

/** As large as the contract allows by count, with paths of an ordinary length: about 5 MiB. */
const cleaned = (targetIds: readonly string[]): RunResult => {
  const paths = Array.from({ length: 10_000 }, (_, index) => `/srv/files/${'folder/'.repeat(15)}${index}.exe`);
  const idOf = (index: number) => targetIds[index] ?? `threat-${index}`;
  return {
    outcome: 'finished',
    threats: paths.map((path, index) => ({ id: idOf(index), name: 'EICAR', path, outcome: 'resolved' })),
    backups: paths.map((path, index) => ({ id: `backup-${index}`, threatId: idOf(index), kind: 'file', path })),
  };
};

test('a result of ten thousand files is published without its lists, and everything after it whole', async () => {
  await using topic = await published();
  const [large, small] = [await scene.endpoint(), await scene.endpoint()];
  const [taskId, other] = [await scene.detect(large), await scene.detect(small)];
  const [handed] = await scene.askFor(large);
  const targets = handed!.payload.targets.map(({ id }) => id);
  await scene.say(large, taskId, 1, { type: 'accepted' }, { type: 'result', data: cleaned(targets) });
  await scene.work(small);
  await scene.command(taskId, () => decided({ type: 'TaskAcknowledged', data: {} }));

  await eventually(() => topic.of(taskId).length === 5 && topic.of(other).length === 4);
  const [, , , reported, acknowledged] = topic.of(taskId).map(({ value }) => JSON.parse(String(value)));
  expect(reported).toMatchObject({
    data: { result: { outcome: 'finished', threats: [], backups: [] } },
    after: { status: 'all-threats-resolved', threatKeys: [], version: 4 },
    omitted: ['/after/threatKeys', '/data/result/backups', '/data/result/threats'],
    href: `/v1/tasks/${taskId}/history`,
  });
  expect(acknowledged).toMatchObject({ after: { acknowledged: true, version: 5 }, omitted: ['/after/threatKeys'] });
  expect(JSON.parse(String(topic.of(other).at(-1)?.value))).not.toHaveProperty('omitted');
  expect(await scene.task(taskId)).toMatchObject({ restorable: { length: 10_000 } });
}, 60_000);

test('an event that no record can hold is parked with its task; the tasks after it go on', async () => {
  await using topic = await published();
  const [large, small] = [await scene.endpoint(), await scene.endpoint()];
  const taskId = await scene.detect(large);
  await scene.work(large);
  await scene.command(taskId, () => decided({ type: 'TaskAcknowledged', data: { note: 'x'.repeat(2 ** 21) } }));
  const other = await scene.detect(small);
  await scene.work(small);

  await eventually(() => topic.of(other).length === 4);
  expect(topic.of(taskId)).toHaveLength(4);
  const parked = await scene.rows('SELECT error FROM mitigation.parked WHERE stream_id = $1', taskId);
  expect(parked).toEqual([{ error: expect.stringContaining('the limit is') }]);
}, 60_000);
