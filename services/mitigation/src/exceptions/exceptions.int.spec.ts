import { randomUUID } from 'node:crypto';
import { type MitigationExceptionRecord, mitigationExceptionRecord } from '@quell/contracts/mitigation-exception';
import type { OutgoingMessage } from '@quell/messaging/broker';
import { cancel, retry } from '../task/commands.ts';
import { failing, openScene, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { addException, deleteException, listExceptions } from './exception-list.ts';
import { forgetEndedSuspensions, publishExceptions } from './publisher.ts';
import { suspendException } from './suspend.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());
beforeEach(() => scene.rows('TRUNCATE mitigation.mitigation_exception, mitigation.exception_suspension'));

async function except(...endpoints: TestEndpoint[]): Promise<string[]> {
  const ids: string[] = [];
  for (const { deviceId: value } of endpoints) {
    const added = await addException(scene.pool, { kind: 'device', value, reason: 'lab' }, 'key:test');
    if (!added.ok) throw new Error(added.detail);
    ids.push(added.exception.id);
  }
  return ids;
}

const suspend = (exceptionId: string, ...taskIds: string[]) =>
  suspendException(scene.pool, scene.policy, exceptionId, taskIds, { actor: 'key:test', requestId: randomUUID() });
const statusOf = async (taskId: string) => (await scene.task(taskId)).status.code;

test('a suspended exception lets the named task run on its endpoint, and covers it again when the run has ended', async () => {
  const added = await addException(scene.pool, { kind: 'cidr', value: '10.7.0.0/16', reason: 'lab' }, 'key:test');
  const exceptionId = added.ok ? added.exception.id : '';
  const [endpoint, other] = [await scene.endpoint({ ips: ['10.7.0.1'] }), await scene.endpoint({ ips: ['10.7.0.2'] })];
  const [taskId, otherId] = [await scene.detect(endpoint), await scene.detect(other)];
  expect(await statusOf(taskId)).toBe('mitigation-exception');

  expect(await suspend(exceptionId, taskId)).toMatchObject({
    ok: true,
    answer: {
      exception: { version: 2, suspensions: [{ taskId, run: 2, endpointId: endpoint.endpointId }] },
      tasks: [{ id: taskId, run: 2, status: { code: 'mitigation-in-progress' } }],
    },
    endpointIds: [endpoint.endpointId],
  });
  // A retry of the other endpoint's task meets the exception as ever.
  await scene.command(otherId, (task) => retry(task, scene.policy.clocks));
  expect(await scene.askFor(other)).toEqual([]);
  expect(await statusOf(otherId)).toBe('mitigation-exception');

  const { handed } = await scene.work(endpoint, failing([(await scene.task(taskId)).run.payload.targets[0]!.id]));
  expect(handed).toMatchObject({ taskId, run: 2 });
  expect(await statusOf(taskId)).toBe('not-all-threats-resolved');
  await scene.command(taskId, (task) => retry(task, scene.policy.clocks));
  expect(await scene.askFor(endpoint)).toEqual([]);
  expect(await statusOf(taskId)).toBe('mitigation-exception');
});

test('a suspension is over after 24 hours, though its run still waits', async () => {
  const endpoint = await scene.endpoint();
  const [exceptionId] = await except(endpoint);
  const taskId = await scene.detect(endpoint);
  await suspend(exceptionId!, taskId);
  const [{ hours }] = await scene.rows(
    'SELECT extract(epoch FROM until - now()) / 3600 AS hours FROM mitigation.exception_suspension',
  );
  expect(Math.round(Number(hours))).toBe(24);
  await scene.rows(`UPDATE mitigation.exception_suspension SET until = now() - interval '1 s'`);
  expect(await scene.askFor(endpoint)).toEqual([]);
  expect(await statusOf(taskId)).toBe('mitigation-exception');
});

test('the same exception is kept once, however often and however fast it is asked for; another reason makes another one', async () => {
  const request = { kind: 'hostname' as const, value: 'kiosk-3', reason: 'kiosk' };
  const added = await Promise.all([1, 2, 3, 4].map(() => addException(scene.pool, request, 'key:test')));
  const ids = added.map((one) => one.ok && one.exception.id);
  expect(new Set(ids).size).toBe(1);
  expect(added.filter((one) => one.ok && one.isNew)).toHaveLength(1);
  expect(await addException(scene.pool, { ...request, reason: 'lab' }, 'key:test')).toMatchObject({ isNew: true });
  const until = new Date(Date.now() + 3_600_000).toISOString();
  expect(await addException(scene.pool, { ...request, expiresAt: until }, 'key:test')).toMatchObject({ isNew: true });
  expect(await addException(scene.pool, { ...request, expiresAt: until }, 'key:test')).toMatchObject({ isNew: false });
  await deleteException(scene.pool, String(ids[0]));
  expect(await addException(scene.pool, request, 'key:test')).toMatchObject({ isNew: true });
});

test('all tasks or none: one that another exception ended, or nobody knows, refuses the call and is named', async () => {
  const [a, b] = [await scene.endpoint(), await scene.endpoint()];
  const [first] = await except(a, b);
  const [own, foreign] = [await scene.detect(a), await scene.detect(b)];
  expect(await suspend(first!, own, foreign)).toMatchObject({ ok: false, code: 'conflict', index: 1 });
  expect(await suspend(first!, own, randomUUID())).toMatchObject({ ok: false, code: 'not-found', index: 1 });
  expect(await suspend(randomUUID(), own)).toMatchObject({ ok: false, code: 'not-found' });
  expect(await statusOf(own)).toBe('mitigation-exception');
  expect(await scene.rows('SELECT FROM mitigation.exception_suspension')).toEqual([]);
});

test('of several who suspend at once one opens the run; after a cancel it can be suspended no more, but retried', async () => {
  const endpoint = await scene.endpoint();
  const [exceptionId] = await except(endpoint);
  const taskId = await scene.detect(endpoint);
  const answers = await Promise.all([1, 2, 3].map(() => suspend(exceptionId!, taskId)));
  expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  expect(await scene.task(taskId)).toMatchObject({ run: { number: 2, cause: 'suspended-exception' } });
  await scene.command(taskId, cancel);
  expect(await suspend(exceptionId!, taskId)).toMatchObject({ ok: false, code: 'conflict' });
});

test('pages show every exception once, the latest first; deleted ones are gone, an expired one is not in force', async () => {
  const endpoints = await Promise.all([1, 2, 3, 4, 5].map(() => scene.endpoint()));
  const ids = await except(...endpoints);
  await deleteException(scene.pool, ids[2]!);
  expect(await deleteException(scene.pool, ids[2]!)).toBe(false);
  await scene.rows('UPDATE mitigation.mitigation_exception SET expires_at = now() WHERE id = $1', ids[0]);
  const seen: string[] = [];
  for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
    const page = await listExceptions(scene.pool, { limit: 2, cursor });
    seen.push(...page.items.map(({ id, inForce }) => (inForce ? id : `${id} expired`)));
    cursor = page.nextCursor;
  }
  expect(seen).toEqual([ids[4], ids[3], ids[1], `${ids[0]} expired`]);
  const late = { kind: 'ip', value: '10.0.0.1', reason: 'x', expiresAt: '2020-01-01T00:00:00Z' } as const;
  expect(await addException(scene.pool, late, 'key:test')).toMatchObject({ ok: false, code: 'expired' });
});

describe('what is published', () => {
  const broker = () => {
    const records: MitigationExceptionRecord[] = [];
    const take = (messages: readonly OutgoingMessage[]) => {
      for (const { key, value } of messages) {
        const record = mitigationExceptionRecord.parse(JSON.parse(String(value)));
        expect(key).toBe(record.id);
        records.push(record);
      }
    };
    return { records, publish: async (_: string, messages: readonly OutgoingMessage[]) => take(messages), take };
  };

  test('each change is: made, suspended, covering again, deleted', async () => {
    const { records, publish } = broker();
    const endpoint = await scene.endpoint();
    const [id] = await except(endpoint);
    const step = async () => {
      await forgetEndedSuspensions(scene.pool);
      await publishExceptions(scene.pool, { publish });
    };
    await step();
    const taskId = await scene.detect(endpoint);
    await suspend(id!, taskId);
    await step();
    await step();
    await scene.work(endpoint);
    await step();
    await deleteException(scene.pool, id!);
    await step();
    expect(records).toMatchObject([
      { id, version: 1, kind: 'device', value: endpoint.deviceId, suspendedFor: [] },
      { id, version: 2, suspendedFor: [{ endpointId: endpoint.endpointId }] },
      { id, version: 3, suspendedFor: [] },
      { id, version: 4, deletedAt: expect.any(String) },
    ]);
  });

  test('a publisher that was overtaken leaves the latest behind: on a compacted topic the last record stays', async () => {
    const { records, publish } = broker();
    const [id] = await except(await scene.endpoint());
    let overtaken: Promise<number> | undefined;
    let letSettle: () => void = () => undefined;
    const slow = async (topic: string, messages: readonly OutgoingMessage[]) => {
      await deleteException(scene.pool, id!);
      // The other has published the deletion, and notes it only when the slow one has noted its own.
      await new Promise<void>((published) => {
        overtaken = publishExceptions(scene.pool, {
          publish: async (...newer) => {
            await publish(...newer);
            published();
            await new Promise<void>((settle) => {
              letSettle = settle;
            });
          },
        });
      });
      await publish(topic, messages);
    };
    await publishExceptions(scene.pool, { publish: slow });
    letSettle();
    await overtaken;
    for (let looks = 0; (await publishExceptions(scene.pool, { publish })) > 0; looks++) expect(looks).toBeLessThan(3);
    expect(records.map(({ version }) => version).slice(0, 2)).toEqual([2, 1]);
    expect(records.at(-1)).toMatchObject({ id, deletedAt: expect.any(String) });
  });

  test('a change that the broker may or may not have is published again, and nothing is forgotten', async () => {
    const { records, publish, take } = broker();
    const [id] = await except(await scene.endpoint());
    const lost = async (_: string, messages: readonly OutgoingMessage[]) => {
      take(messages);
      throw new Error('no answer');
    };
    await expect(publishExceptions(scene.pool, { publish: lost })).rejects.toThrow('no answer');
    await deleteException(scene.pool, id!);
    expect(await publishExceptions(scene.pool, { publish })).toBe(1);
    expect(await publishExceptions(scene.pool, { publish })).toBe(0);
    expect(records.map(({ version }) => version)).toEqual([1, 2]);
  });
});
