import { randomUUID } from 'node:crypto';
import { topics } from '@quell/contracts/topics';
import type { Broker, BrokerMessage, Consumer, OutgoingMessage } from '@quell/messaging/broker';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { createLog } from '@quell/service-kit/log';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';
import { defaultPolicy } from '../policy/policy.ts';
import { PolicyStore } from '../policy/policy-store.ts';
import { detectionOn, openScene, type Scene } from '../task-store/scene.fixture.ts';
import { startDetectionConsumer } from './consumer.ts';
import { findDetection } from './list-detections.ts';

let scene: Scene;
let kafka: Broker;
const log = createLog('test', 'silent');
beforeAll(async () => {
  scene = await openScene();
  kafka = createKafkaBroker({ brokers: testKafka().brokers, clientId: 'mitigation-test' });
});
afterAll(async () => {
  await kafka.close();
  await scene.close();
});

/** The run's Kafka under names of this test's own: all tests share it. */
async function ownTopics() {
  const id = randomUUID();
  const named = (topic: string) => `${topic}-${id}`;
  await kafka.admin.ensureTopics(
    [topics.detections, topics.deadLetters].map((topic) => ({ name: named(topic), partitions: 1 })),
  );
  const broker = (group: string): Broker => ({
    ...kafka,
    publish: (topic, messages) => kafka.publish(named(topic), messages),
    consume: (options) =>
      kafka.consume({ ...options, group: `${group}-${id}`, topics: options.topics.map(named), pollSeconds: 0.05 }),
  });
  const start = (group = 'mitigation'): Promise<Consumer> =>
    startDetectionConsumer({
      pool: scene.pool,
      broker: broker(group),
      policies: new PolicyStore(scene.pool, defaultPolicy()),
      log,
      onTaskChange: () => {},
    });
  const publish = (...messages: OutgoingMessage[]) => kafka.publish(named(topics.detections), messages);
  const nextOffset = async () => {
    const [row] = await scene.rows(
      'SELECT next_offset FROM mitigation.inbox WHERE topic = $1',
      named(topics.detections),
    );
    return row === undefined ? undefined : Number(row.next_offset);
  };
  const handled = (offset: number) => eventually(async () => (await nextOffset()) === offset, { timeoutMs: 30_000 });
  return { named, start, publish, nextOffset, handled };
}

const record = (detection: object, key: string | null = 'k'): OutgoingMessage => ({
  key,
  value: JSON.stringify(detection),
});

async function readAll(topic: string, count: number): Promise<BrokerMessage[]> {
  const read: BrokerMessage[] = [];
  const reader = await kafka.consume({
    group: `reader-${randomUUID()}`,
    topics: [topic],
    pollSeconds: 0.05,
    handle: async ({ messages }) => {
      read.push(...messages);
      return { nextOffset: messages.at(-1)!.offset + 1n };
    },
  });
  await eventually(() => read.length >= count, { timeoutMs: 30_000 });
  await reader.stop();
  return read;
}

test('garbage among good records becomes dead letters with their reasons; the good ones become tasks in their order', async () => {
  const { named, start, publish, handled } = await ownTopics();
  const endpoint = await scene.endpoint();
  const first = detectionOn(endpoint, { severity: 1 });
  const changed = detectionOn(endpoint, { sourceId: first.sourceId, severity: 2 });
  const last = detectionOn(endpoint, { sourceId: first.sourceId, severity: 3 });
  // Passes its schema and cannot be stored; its key and a header hold what no text column takes.
  const poison = detectionOn(endpoint, { threat: { name: 'x', path: '/poison' } });
  await scene.rows(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poisoned'; END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON mitigation.open_task FOR EACH ROW WHEN (NEW.threat_key LIKE '%/poison')
       EXECUTE FUNCTION refuse()`,
  );
  await publish(
    record(first),
    { key: 'k', value: 'not JSON' },
    record(changed),
    record({ ...last, severity: 7 }),
    { ...record(poison, 'a\u0000b'), headers: { note: 'a\u0000b' } },
    record(last),
    { key: null, value: null },
  );
  const consumer = await start();
  await handled(7);
  await consumer.stop();

  const [{ task_id: taskId }] = await scene.rows(
    'SELECT task_id FROM mitigation.detection WHERE detection_id = $1',
    first.detectionId,
  );
  expect(await scene.task(taskId)).toMatchObject({ version: 3, severity: 3, detections: { count: 1 } });
  const letters = await scene.rows(
    `SELECT "offset"::int AS at, reason, state, key FROM mitigation.dead_letter WHERE topic = $1 ORDER BY 1`,
    named(topics.detections),
  );
  expect(letters).toMatchObject([
    { at: 1, reason: 'the value is not JSON', state: 'waiting', key: 'k' },
    { at: 3, reason: expect.stringContaining('/severity') },
    { at: 4, reason: expect.stringContaining('poisoned'), key: 'a\ufffdb' },
    { at: 6, reason: 'the value is not JSON', key: null },
  ]);
  expect(
    await scene.rows(
      'SELECT disposition, reason, task_id FROM mitigation.detection WHERE detection_id = $1',
      poison.detectionId,
    ),
  ).toEqual([{ disposition: 'dead-letter', reason: expect.stringContaining('poisoned'), task_id: null }]);
  expect(await findDetection(scene.database.dataSource, poison.detectionId)).toMatchObject({
    id: poison.detectionId,
    disposition: 'dead-letter',
    reason: expect.stringContaining('poisoned'),
    threat: poison.threat,
    duplicates: 0,
  });
  // Sent again as it should have been, it is taken like a new one.
  const { source, sourceId } = poison;
  expect((await scene.take([detectionOn(endpoint, { source, sourceId })])).decided[0]?.disposition).toMatchObject({
    kind: 'attach',
    taskId,
  });
  const records = await readAll(named(topics.deadLetters), 4);
  expect(records.map(({ headers }) => [headers.dl_service, headers.dl_offset, headers.dl_topic])).toEqual(
    ['1', '3', '6', '4'].map((offset) => ['mitigation', offset, named(topics.detections)]),
  );
}, 60_000);

test('a dead letter whose detection has no row either does not stop its partition; sent again, it tells the latest reason', async () => {
  const { named, start, publish, handled } = await ownTopics();
  const endpoint = await scene.endpoint();
  await scene.rows(
    `CREATE FUNCTION refuse_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE '% is refused', NEW.source; END $$;
     CREATE TRIGGER refuse_row BEFORE INSERT ON mitigation.detection FOR EACH ROW WHEN (NEW.source = 'no-row')
       EXECUTE FUNCTION refuse_row();
     CREATE TRIGGER refuse_task BEFORE INSERT OR UPDATE ON mitigation.detection FOR EACH ROW
       WHEN (NEW.source = 'no-task' AND NEW.disposition = 'task') EXECUTE FUNCTION refuse_row()`,
  );
  const [rowless, taskless, good] = ['no-row', 'no-task', 'edr'].map((source) => detectionOn(endpoint, { source }));
  await publish(record(rowless!), record(taskless!), record(taskless!), record(good!));
  const consumer = await start();
  await handled(4);
  await consumer.stop();
  const letters = await scene.rows(
    'SELECT "offset"::int AS at FROM mitigation.dead_letter WHERE topic = $1 ORDER BY 1',
    named(topics.detections),
  );
  expect(letters.map(({ at }) => at)).toEqual([0, 1, 2]);
  expect(await findDetection(scene.database.dataSource, rowless!.detectionId)).toBeUndefined();
  expect(await findDetection(scene.database.dataSource, taskless!.detectionId)).toMatchObject({
    disposition: 'dead-letter',
    reason: expect.stringContaining('no-task is refused'),
  });
  expect(await findDetection(scene.database.dataSource, good!.detectionId)).toMatchObject({ disposition: 'task' });
}, 60_000);

test('a consumer that starts anew goes on behind what is stored, whatever Kafka has committed: nothing is taken twice', async () => {
  const { start, publish, handled } = await ownTopics();
  const endpoint = await scene.endpoint();
  const detections = [detectionOn(endpoint), detectionOn(endpoint)];
  await publish(...detections.map((detection) => record(detection)));
  // The crash between COMMIT and Kafka's commit: to Kafka the group of the second consumer has handled nothing.
  const before = await start('before-the-crash');
  await handled(2);
  await before.stop();
  const after = await start('after-the-crash');
  await publish(record(detectionOn(endpoint)));
  await handled(3);
  await after.stop();
  const stored = await scene.rows(
    'SELECT duplicates, task_id FROM mitigation.detection WHERE endpoint_id = $1',
    endpoint.endpointId,
  );
  expect(stored).toHaveLength(3);
  expect(stored.map(({ duplicates }) => duplicates)).toEqual([0, 0, 0]);
  expect(await scene.task(stored[0].task_id)).toMatchObject({ version: 3, detections: { count: 3 } });
}, 60_000);

test('of two members who believe to own a partition the loser of the compare-and-set writes nothing', async () => {
  const { start, publish, handled } = await ownTopics();
  const endpoint = await scene.endpoint();
  const members = await Promise.all([start('one'), start('two')]);
  const threats = Array.from({ length: 10 }, (_, index) => ({ name: `t${index}`, path: `/t/${index}` }));
  for (let round = 0; round < 10; round++) {
    await publish(...threats.map((threat) => record(detectionOn(endpoint, { threat }))));
  }
  await handled(100);
  await Promise.all(members.map((member) => member.stop()));
  const [counted] = await scene.rows(
    `SELECT count(*)::int AS detections, sum(duplicates)::int AS duplicates, count(DISTINCT task_id)::int AS tasks
     FROM mitigation.detection WHERE endpoint_id = $1`,
    endpoint.endpointId,
  );
  expect(counted).toEqual({ detections: 100, duplicates: 0, tasks: 10 });
  const versions = await scene.rows(
    `SELECT s.version FROM mitigation.stream s JOIN mitigation.work w ON w.task_id = s.stream_id WHERE w.endpoint_id = $1`,
    endpoint.endpointId,
  );
  expect(versions.map(({ version }) => version)).toEqual(threats.map(() => 10));
}, 60_000);

test('a log that ends below what was taken is not read on: the consumer ends with the cure', async () => {
  const { named, start } = await ownTopics();
  await scene.rows(
    'INSERT INTO mitigation.inbox (cluster_id, topic, partition, next_offset) VALUES ($1, $2, 0, 5)',
    await kafka.admin.clusterId(),
    named(topics.detections),
  );
  const consumer = await start();
  await expect(consumer.finished).rejects.toThrow(
    /ends at 0 but messages up to 5 were handled.*delete this topic's rows/,
  );
}, 60_000);

test('a broker of another cluster is refused with the cure, and the cure works', async () => {
  const other = await openScene();
  try {
    await other.rows(`INSERT INTO mitigation.inbox VALUES ('gone-cluster', 'detections.v1', 0, 7)`);
    const policies = new PolicyStore(other.pool, defaultPolicy());
    const parts = { pool: other.pool, broker: kafka, policies, log, onTaskChange: () => {} };
    const refusal = await startDetectionConsumer(parts).catch((error: Error) => error.message);
    expect(refusal).toContain('the detections taken so far came from gone-cluster');
    const cure = /run: (DELETE .*;)$/.exec(String(refusal))?.[1];
    await other.rows(cure!);
    expect(await other.rows('SELECT FROM mitigation.inbox')).toEqual([]);
  } finally {
    await other.close();
  }
});
