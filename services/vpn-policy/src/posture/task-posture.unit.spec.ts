import { statusCode } from '@quell/contracts/task';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import type { StatusCode } from '@quell/contracts/task-status';
import fc from 'fast-check';
import { type NaiveThreat, naivePosture } from './naive-posture.fixture.ts';
import { deliveryOf, historiesOn } from './records.arbitrary.ts';
import { newestByThreat, type TaskPosture, type TaskRecord, withRecord } from './task-posture.ts';

const endpoints: readonly TaskEndpoint[] = ['a', 'b'].map((digit) => ({
  endpointId: `0199b3f2-1111-7c3a-9d5e-${digit.repeat(12)}`,
  deviceId: `device-${digit}`,
  ips: ['10.1.2.3'],
}));
const taskIds = [1, 2, 3, 4, 5].map((n) => `0199b3f2-0000-7c3a-9d5e-00000000000${n}`);

function folded(records: readonly TaskRecord[]): TaskPosture[] {
  const tasks = new Map<string, TaskPosture>();
  for (const record of records) tasks.set(record.taskId, withRecord(tasks.get(record.taskId), record));
  return [...tasks.values()];
}

function standing(tasks: readonly TaskPosture[]): NaiveThreat[] {
  return newestByThreat(tasks)
    .flatMap(({ threatKey, task }): NaiveThreat[] => {
      const { taskId, status, since, acknowledged, endpoint } = task;
      return since === undefined
        ? []
        : [{ endpointId: endpoint.endpointId, threatKey, taskId, status, since, acknowledged }];
    })
    .sort((a, b) => (`${a.endpointId} ${a.threatKey}` < `${b.endpointId} ${b.threatKey}` ? -1 : 1));
}

const stories = historiesOn(endpoints, taskIds);

test('whatever way Kafka delivers the records of any tasks, the fold says what reading all of them from scratch says', () => {
  let standingSeen = 0;
  fc.assert(
    fc.property(
      stories.chain((histories) => fc.tuple(fc.constant(histories), deliveryOf(histories))),
      ([histories, delivered]) => {
        const naive = naivePosture(histories.flat());
        standingSeen += naive.length;
        expect(standing(folded(delivered))).toEqual(naive);
      },
    ),
    { numRuns: 500 },
  );
  expect(standingSeen).toBeGreaterThan(500);
});

test('the order in which tasks are looked at changes nothing', () => {
  fc.assert(
    fc.property(stories, fc.infiniteStream(fc.nat()), (histories, order) => {
      const tasks = folded(histories.flat());
      const shuffled = tasks.map((task) => ({ task, at: order.next().value })).sort((a, b) => a.at - b.at);
      expect(standing(shuffled.map(({ task }) => task))).toEqual(standing(tasks));
    }),
  );
});

test('a repeat of what was taken changes nothing at all', () => {
  fc.assert(
    fc.property(stories, ([history = []]) => {
      const [task] = folded(history);
      for (const record of history) expect(withRecord(task, record)).toBe(task);
    }),
  );
});

const [taskId = '', otherId = ''] = taskIds;
const record = (
  version: number,
  status: StatusCode,
  more: Partial<TaskRecord['after']> & Partial<Pick<TaskRecord, 'omitted' | 'taskId'>> = {},
): TaskRecord => {
  const { omitted, taskId: id = taskId, ...after } = more;
  return {
    taskId: id,
    at: `2026-11-23T10:00:0${version}.000Z`,
    ...(omitted === undefined ? {} : { omitted }),
    after: {
      kind: 'threat-mitigation',
      threatKeys: ['sha256:a'],
      status,
      severity: 4,
      endpoint: endpoints[0]!,
      acknowledged: false,
      runOpenedAt: '2026-11-23T10:00:01.000Z',
      version,
      ...after,
    },
  };
};

test.each(statusCode.options.map((code, index) => [index + 1, code] as const))('status %i, %s', (number, code) => {
  const isResolved = number >= 2 && number <= 6;
  expect(standing(folded([record(1, code)]))).toHaveLength(isResolved ? 0 : 1);
});

test('it stands since its first unresolved record; a retry does not begin anew, a rollback after the resolution does', () => {
  const told = [
    record(1, 'mitigation-in-progress'),
    record(2, 'mitigation-timeout'),
    record(3, 'mitigation-in-progress'),
  ];
  expect(standing(folded(told))).toMatchObject([{ since: told[0]!.at }]);
  const resolved = [...told, record(4, 'all-threats-resolved')];
  expect(standing(folded(resolved))).toEqual([]);
  const runOpenedAt = '2026-11-23T10:00:05.000Z';
  const restored = [...resolved, record(5, 'mitigation-in-progress', { runOpenedAt })];
  expect(standing(folded(restored))).toMatchObject([{ since: runOpenedAt }]);
});

test('a newer task on the same threat decides; an older one that is rolled back after it decides again', () => {
  const older = record(1, 'mitigation-timeout');
  const newer = record(2, 'all-threats-resolved', { taskId: otherId, runOpenedAt: '2026-11-23T10:00:02.000Z' });
  expect(standing(folded([older, newer]))).toEqual([]);
  expect(standing(folded([newer, older]))).toEqual([]);
  const rolledBack = record(3, 'rollback-successful', { runOpenedAt: '2026-11-23T10:00:03.000Z' });
  expect(standing(folded([older, newer, rolledBack]))).toMatchObject([{ taskId, status: 'rollback-successful' }]);
});

test('a scan says nothing until it reports a threat, then it stands from there', () => {
  const scan = { kind: 'on-demand-scan', threatKeys: [] } as const;
  const opened = record(1, 'mitigation-in-progress', { ...scan, threatKeys: [] });
  expect(standing(folded([opened]))).toEqual([]);
  const reported = record(2, 'not-all-threats-resolved', { ...scan, threatKeys: ['sha256:a', 'sha256:b'] });
  expect(standing(folded([opened, reported]))).toMatchObject([{ since: reported.at }, { threatKey: 'sha256:b' }]);
});

test('threats that a record has no room for stand until their own task is resolved', () => {
  const known = record(1, 'mitigation-in-progress');
  const large = record(2, 'not-all-threats-resolved', { threatKeys: [], omitted: ['/after/threatKeys'] });
  expect(standing(folded([known, large]))).toMatchObject([{ threatKey: 'sha256:a' }, { threatKey: `task:${taskId}` }]);
  const elsewhere = record(3, 'all-threats-resolved', { taskId: otherId, runOpenedAt: '2026-11-23T10:00:03.000Z' });
  expect(standing(folded([known, large, elsewhere]))).toMatchObject([{ threatKey: `task:${taskId}` }]);
  const done = record(3, 'all-threats-resolved', { threatKeys: [], omitted: ['/after/threatKeys'] });
  expect(standing(folded([known, large, done]))).toEqual([]);
});

test('addresses that a record leaves out stay as they were; records of the first release count from their first', () => {
  const bare = { ...endpoints[0]!, ips: [] };
  const [kept] = folded([
    record(1, 'mitigation-in-progress'),
    record(2, 'mitigation-exception', { endpoint: bare, omitted: ['/after/endpoint/ips'] }),
  ]);
  expect(kept?.endpoint.ips).toEqual(['10.1.2.3']);
  const { runOpenedAt: _, ...after } = record(1, 'mitigation-in-progress').after;
  const { runOpenedAt: __, ...later } = record(2, 'mitigation-timeout').after;
  const first = { taskId, at: '2026-11-23T10:00:01.000Z', after };
  const [old] = folded([first, { taskId, at: '2026-11-23T10:00:09.000Z', after: later }]);
  expect(old?.runOpenedAt).toBe(first.at);
});
