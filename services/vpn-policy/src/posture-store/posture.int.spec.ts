import { randomUUID } from 'node:crypto';
import type { MitigationExceptionRecord } from '@quell/contracts/mitigation-exception';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import type { StatusCode } from '@quell/contracts/task-status';
import { topics } from '@quell/contracts/topics';
import type { Broker, OutgoingMessage } from '@quell/messaging/broker';
import { cloudEventHeaders } from '@quell/messaging/cloudevents';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { encodeCursor } from '@quell/service-kit/cursor';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';
import fc from 'fast-check';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { takeDeviceChanges } from '../devices/known-devices.ts';
import { naivePosture } from '../posture/naive-posture.fixture.ts';
import { deliveryOf, historiesOn } from '../posture/records.arbitrary.ts';
import type { TaskRecord } from '../posture/task-posture.ts';
import { postureCaughtUp } from './caught-up.ts';
import { startPostureConsumer } from './consumer.ts';
import { takeExceptionRecords } from './exceptions.ts';
import { listPostures } from './list-postures.ts';
import { type DeviceNames, postureOf } from './posture-of.ts';
import { takeTaskRecords } from './take-task-records.ts';

const seed = Math.trunc(Math.random() * 2 ** 31);
let database: TestDatabase;
let kafka: Broker;
beforeAll(async () => {
  database = await testDatabase();
  kafka = createKafkaBroker({ brokers: testKafka().brokers, clientId: 'posture-test' });
});
afterAll(async () => {
  await kafka.close();
  await database.drop();
});

const endpoint = (more: Partial<TaskEndpoint> = {}): TaskEndpoint => ({
  endpointId: randomUUID(),
  deviceId: `device-${randomUUID()}`,
  ips: [],
  ...more,
});
const take = (records: readonly TaskRecord[]) =>
  inTransaction(database.pool, (client) => takeTaskRecords(client, records));
const except = (...records: MitigationExceptionRecord[]) =>
  inTransaction(database.pool, (client) => takeExceptionRecords(client, records));

/** What stands on endpoints, in the words of the naive reading. */
async function standingOn(endpoints: readonly TaskEndpoint[]) {
  const all = [];
  for (const { endpointId } of endpoints) {
    const { unresolved } = await postureOf(database.pool, { endpointId });
    for (const { severity: _, exception: __, ...threat } of unresolved) all.push({ endpointId, ...threat });
  }
  return all.sort((a, b) => (`${a.endpointId} ${a.threatKey}` < `${b.endpointId} ${b.threatKey}` ? -1 : 1));
}

const record = (on: TaskEndpoint, status: StatusCode, more: Partial<TaskRecord['after']> = {}): TaskRecord => ({
  taskId: randomUUID(),
  at: '2026-11-23T10:00:01.000Z',
  after: {
    kind: 'threat-mitigation',
    threatKeys: ['sha256:a'],
    status,
    severity: 4,
    endpoint: on,
    acknowledged: false,
    runOpenedAt: '2026-11-23T10:00:01.000Z',
    version: 1,
    ...more,
  },
});

test(`tables fed by partitions at the same time say what reading all records from scratch says (seed ${seed})`, async () => {
  let standing = 0;
  for (let round = 0; round < 25; round++) {
    const endpoints = [endpoint(), endpoint()];
    const taskIds: string[] = Array.from({ length: 6 }, () => randomUUID());
    const [histories = []] = fc.sample(historiesOn(endpoints, taskIds), { numRuns: 1, seed: seed + round });
    const [delivered = []] = fc.sample(deliveryOf(histories), { numRuns: 1, seed: seed + round });
    // Each task is in one of three partitions, whose batches are taken one after the other.
    await Promise.all(
      [0, 1, 2].map(async (partition) => {
        const own = delivered.filter(({ taskId }) => taskIds.indexOf(taskId) % 3 === partition);
        for (let from = 0; from < own.length; ) {
          const size = 1 + ((from + round) % 7);
          await take(own.slice(from, from + size));
          from += size;
        }
      }),
    );
    const naive = naivePosture(histories.flat());
    standing += naive.length;
    expect(await standingOn(endpoints)).toEqual(naive);
  }
  expect(standing).toBeGreaterThan(20);
}, 60_000);

test('a device is found by each of its names, also by those that only an earlier task knew', async () => {
  const agentId = 'A'.repeat(43);
  const early = endpoint({ agentId });
  const { deviceId: _, agentId: __, ...late } = early;
  await take([record(early, 'all-threats-resolved'), record(late, 'mitigation-timeout', { threatKeys: ['sha256:b'] })]);
  for (const names of [{ deviceId: early.deviceId }, { agentId }, { endpointId: early.endpointId }]) {
    expect(await postureOf(database.pool, names)).toMatchObject({
      ...names,
      endpointId: early.endpointId,
      unresolved: [{ threatKey: 'sha256:b', status: 'mitigation-timeout' }],
      since: '2026-11-23T10:00:01.000Z',
    });
  }
  expect(await postureOf(database.pool, { deviceId: 'nobody' })).toEqual({
    deviceId: 'nobody',
    unresolved: [],
    position: {},
  });
});

test('an endpoint that the registry takes for another device now says nothing more of the one it was taken for', async () => {
  const agentId = 'B'.repeat(43);
  const taken = endpoint({ agentId });
  const { deviceId: mistaken } = taken;
  const right = `device-${randomUUID()}`;
  await take([
    record(taken, 'mitigation-timeout'),
    record({ ...taken, deviceId: right }, 'mitigation-timeout', { threatKeys: ['sha256:b'] }),
  ]);
  const keys = async (names: DeviceNames) =>
    (await postureOf(database.pool, names)).unresolved.map(({ threatKey }) => threatKey).sort();
  // As long as nobody knows better, both may be meant.
  expect(await keys({ deviceId: mistaken })).toEqual(['sha256:a', 'sha256:b']);
  const known = { model: '', label: '', capabilities: [], hostnames: [], ips: [], macs: [], tags: [], version: 1 };
  await inTransaction(database.pool, (client) =>
    takeDeviceChanges(client, [
      { id: mistaken!, record: { ...known, id: mistaken! } },
      { id: right, record: { ...known, id: right, agentId } },
    ]),
  );
  expect(await keys({ deviceId: mistaken })).toEqual([]);
  for (const names of [{ deviceId: right }, { deviceId: right, agentId }, { deviceId: mistaken, agentId }, taken]) {
    expect(await keys(names)).toEqual(['sha256:a', 'sha256:b']);
  }
});

test('what is read of an endpoint grows with its threats, not with their square', async () => {
  const on = endpoint();
  const threatKeys = Array.from({ length: 1000 }, (_, n) => `path:file:/srv/${'folder/'.repeat(5)}${n}.exe`);
  await take([record(on, 'not-all-threats-resolved', { threatKeys })]);
  const pool = database.openPool(1);
  const bytesRead = async () => {
    const client = await pool.connect();
    client.release();
    return (client as unknown as { connection: { stream: { bytesRead: number } } }).connection.stream.bytesRead;
  };
  const before = await bytesRead();
  const { unresolved } = await postureOf(pool, { endpointId: on.endpointId });
  expect(unresolved.map(({ threatKey }) => threatKey).sort()).toEqual(threatKeys.sort());
  expect((await bytesRead()) - before).toBeLessThan(10 * JSON.stringify(threatKeys).length);
});

describe('an exception that covers the endpoint', () => {
  const value = '10.9.0.1';
  const exception = (version: number, more: Partial<MitigationExceptionRecord> = {}): MitigationExceptionRecord => ({
    id: '0199b3f2-4444-7c3a-9d5e-4f1f6a1b2c3d',
    kind: 'ip',
    value,
    reason: 'lab',
    suspendedFor: [],
    version,
    ...more,
  });
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString();

  test('is named with statuses 7 and 9 only, for as long as it is in force there', async () => {
    const on = endpoint({ ips: [value] });
    const statuses = ['mitigation-exception', 'rollback-successful', 'mitigation-timeout'] as const;
    await take(statuses.map((status, n) => record(on, status, { threatKeys: [`sha256:${n}`] })));
    const covered = async (now?: Date) => {
      const { unresolved } = await postureOf(database.pool, { endpointId: on.endpointId }, now);
      expect(unresolved).toHaveLength(3);
      return unresolved.filter((threat) => threat.exception !== undefined).map(({ status }) => status);
    };
    expect(await covered()).toEqual([]);
    await except(exception(1, { expiresAt: tomorrow }));
    expect((await covered()).sort()).toEqual(['mitigation-exception', 'rollback-successful']);
    expect(await covered(new Date(Date.parse(tomorrow)))).toEqual([]);
    const suspendedFor = [{ endpointId: on.endpointId, until: tomorrow }];
    await except(exception(2, { suspendedFor }));
    expect(await covered()).toEqual([]);
    expect(await covered(new Date(Date.parse(tomorrow) + 1))).toHaveLength(2);
    // An older version that comes again brings nothing back, within a batch and after it.
    await except(exception(4, { deletedAt: '2026-11-23T10:00:00.000Z' }), exception(3));
    await except(exception(3));
    expect(await covered()).toEqual([]);
  });

  test('keeps its endpoint from the list of those with something unresolved, not from the list of all', async () => {
    const [excepted, acknowledged, open] = [endpoint({ ips: [value] }), endpoint(), endpoint()];
    await except(exception(5));
    await take([
      record(excepted, 'mitigation-exception'),
      record(acknowledged, 'mitigation-timeout', { acknowledged: true }),
      record(open, 'mitigation-in-progress'),
    ]);
    const listed = async (unresolved: boolean) => {
      const ids: (string | undefined)[] = [];
      for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
        const page = await listPostures(database.pool, { unresolved, limit: 2, cursor });
        ids.push(...page.items.map(({ endpointId }) => endpointId));
        cursor = page.nextCursor;
      }
      expect(ids).toEqual([...new Set(ids)].sort());
      return [excepted, acknowledged, open].map(({ endpointId }) => ids.includes(endpointId));
    };
    expect(await listed(true)).toEqual([false, false, true]);
    expect(await listed(false)).toEqual([true, true, true]);

    // What is asked of the database for a page does not grow with its endpoints.
    await take(Array.from({ length: 50 }, () => record(endpoint({ ips: [value] }), 'mitigation-exception')));
    let queries = 0;
    const counted = Object.create(database.pool, {
      query: {
        value: (...of: Parameters<typeof database.pool.query>) => {
          queries++;
          return database.pool.query(...of);
        },
      },
    });
    expect((await listPostures(counted, { unresolved: false, limit: 50 })).items).toHaveLength(50);
    expect(queries).toBeLessThan(10);
  });

  test('looks at no more than 10,000 endpoints for a page of the list, and goes on where it was', async () => {
    const idOf = (n: number) => `fffff000-0000-4000-8000-${String(n).padStart(12, '0')}`;
    const passedOver = Array.from({ length: 10_100 }, (_, n) => endpoint({ endpointId: idOf(n) }));
    const last = endpoint({ endpointId: idOf(99_999) });
    await take(passedOver.map((on) => record(on, 'mitigation-timeout', { acknowledged: true })));
    await take([record(last, 'mitigation-in-progress')]);
    const beforeThese = encodeCursor('fffff000-0000-4000-8000-000000000000');
    const first = await listPostures(database.pool, { unresolved: true, limit: 1, cursor: beforeThese });
    expect(first).toEqual({ items: [], nextCursor: encodeCursor(idOf(10_000)) });
    const second = await listPostures(database.pool, { unresolved: true, limit: 2, cursor: first.nextCursor });
    expect(second).toEqual({ items: [expect.objectContaining({ endpointId: last.endpointId })] });
  });
});

describe('from Kafka', () => {
  /** The run's Kafka under names of this test's own: all tests share it. */
  async function ownTopics() {
    const id = randomUUID();
    const named = (topic: string) => `${topic}-${id}`;
    await kafka.admin.ensureTopics([
      { name: named(topics.tasks), partitions: 2 },
      { name: named(topics.mitigationExceptions), partitions: 1 },
      { name: named(topics.deadLetters), partitions: 1 },
    ]);
    const broker: Broker = {
      ...kafka,
      publish: (topic, messages) => kafka.publish(named(topic), messages),
      consume: (options) =>
        kafka.consume({
          ...options,
          group: `${options.group}-${id}`,
          topics: options.topics.map(named),
          pollSeconds: 0.05,
          retrySeconds: { first: 0.05, most: 0.2 },
        }),
    };
    const caughtUp = () => postureCaughtUp({ pool: database.pool, broker: kafka }, [named(topics.tasks)]);
    const start = () => startPostureConsumer({ pool: database.pool, broker, log: createLog('test', 'silent') });
    return { named, broker, start, caughtUp };
  }

  const messageOf = ({ taskId, at, after, omitted }: TaskRecord): OutgoingMessage => ({
    key: taskId,
    value: JSON.stringify({ data: { any: 'thing' }, after, ...(omitted === undefined ? {} : { omitted, href: '/x' }) }),
    headers: cloudEventHeaders({
      id: randomUUID(),
      source: '/quell/mitigation',
      type: 'quell.task.Something',
      subject: taskId,
      time: new Date(at),
    }),
  });

  test('what cannot be read becomes a dead letter and keeps nothing back; a restart goes on, a rebuild ends the same', async () => {
    const { named, broker, start, caughtUp } = await ownTopics();
    const isReady = caughtUp();
    expect(await isReady()).toBe(undefined);
    const endpoints = [endpoint(), endpoint()];
    const taskIds = Array.from({ length: 6 }, () => randomUUID());
    const [histories = []] = fc.sample(historiesOn(endpoints, taskIds), { numRuns: 1, seed });
    const [delivered = []] = fc.sample(deliveryOf(histories), { numRuns: 1, seed });
    const half = delivered.length >> 1;
    const bad = messageOf(record(endpoints[0]!, 'mitigation-timeout'));
    await broker.publish(topics.tasks, delivered.slice(0, half).map(messageOf));
    await broker.publish(topics.tasks, [
      { ...bad, value: 'not JSON' },
      { ...bad, value: JSON.stringify({ after: { ...JSON.parse(String(bad.value)).after, status: 'unheard-of' } }) },
      { ...bad, headers: {} },
    ]);
    const isReadyLater = caughtUp();
    expect(await isReadyLater()).toBe(`posture has ${half + 3} records to take`);
    let consumer = await start();
    const letters = async () =>
      (
        await database.pool.query('SELECT reason FROM vpn_policy.dead_letter WHERE topic = $1', [named(topics.tasks)])
      ).rows.map(({ reason }) => reason);
    await eventually(async () => (await isReadyLater()) === undefined, { timeoutMs: 30_000 });
    await consumer.stop();
    expect((await letters()).sort()).toEqual([
      expect.stringContaining('/after/status'),
      expect.stringContaining('ce_type'),
      'the value is not JSON',
    ]);

    // What comes later does not take it back.
    await broker.publish(topics.tasks, delivered.slice(half).map(messageOf));
    expect(await isReadyLater()).toBe(undefined);
    consumer = await start();
    const naive = naivePosture(histories.flat());
    const allTaken = async () => {
      const { rows } = await database.pool.query(
        'SELECT sum(next_offset)::int AS n FROM vpn_policy.inbox WHERE topic = $1',
        [named(topics.tasks)],
      );
      return rows[0].n === delivered.length + 3;
    };
    await eventually(allTaken, { timeoutMs: 30_000 });
    await consumer.stop();
    expect(await standingOn(endpoints)).toEqual(naive);

    await inTransaction(database.pool, async (client) => {
      await client.query('TRUNCATE vpn_policy.task_posture, vpn_policy.threat_task, vpn_policy.endpoint_name');
      await client.query('DELETE FROM vpn_policy.inbox WHERE topic = $1', [named(topics.tasks)]);
    });
    expect(await standingOn(endpoints)).toEqual([]);
    consumer = await start();
    await eventually(allTaken, { timeoutMs: 30_000 });
    await consumer.stop();
    expect(await standingOn(endpoints)).toEqual(naive);
    expect(await letters()).toHaveLength(3);
  }, 120_000);

  test('a batch whose place another member took has no effect, and comes again from there', async () => {
    const { named, broker, start } = await ownTopics();
    const on = endpoint();
    const taken = record(on, 'mitigation-timeout');
    const clusterId = await kafka.admin.clusterId();
    // Moves the inbox on in the very transaction that would: as a member that is a zombie finds it.
    await database.pool.query(`
      CREATE SEQUENCE attempts;
      CREATE FUNCTION overtake() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM nextval('attempts');
        INSERT INTO vpn_policy.inbox VALUES ('${clusterId}', '${named(topics.tasks)}', 0, 1), ('${clusterId}', '${named(topics.tasks)}', 1, 1)
          ON CONFLICT DO NOTHING;
        RETURN NEW;
      END $$;
      CREATE TRIGGER overtake BEFORE INSERT ON vpn_policy.task_posture FOR EACH ROW EXECUTE FUNCTION overtake()`);
    await broker.publish(topics.tasks, [messageOf(taken)]);
    const consumer = await start();
    const refused = async () => (await database.pool.query('SELECT last_value::int AS n FROM attempts')).rows[0].n >= 3;
    await eventually(refused, { timeoutMs: 30_000 });
    expect(await standingOn([on])).toEqual([]);
    await database.pool.query('DROP TRIGGER overtake ON vpn_policy.task_posture');
    await eventually(async () => (await standingOn([on])).length === 1, { timeoutMs: 30_000 });
    await consumer.stop();
  }, 60_000);
});
