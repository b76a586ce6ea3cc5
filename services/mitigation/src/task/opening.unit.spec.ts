import type { TakenDetection } from '@quell/contracts/task-events';
import type { RunMode } from '@quell/contracts/vocabulary';
import { given, type Step, timeOf } from './history.fixture.ts';
import { changesState } from './opening.ts';
import { defaultClocks, runTimeoutSeconds } from './settings.ts';
import { type Column, exception, opened, target } from './steps.fixture.ts';
import { REMEMBERED_DETECTION_IDS } from './task.ts';

// How a task begins, and what it remembers of its detections.

describe('the first run', () => {
  test.each<[Column, boolean, RunMode]>([
    ['TM', false, 'mitigate'],
    ['TM', true, 'assess'],
    ['UIE', false, 'mitigate'],
    ['UIE', true, 'mitigate'],
    ['ODS-U', true, 'scan'],
    ['ODS-A', true, 'scan'],
    ['PIS', true, 'scan'],
  ])('of a %s task, with assess first %s, is in mode %s', (column, assessFirst, mode) => {
    const { task } = given(opened(column, { assessFirst }));
    expect(task.run).toMatchObject({ number: 1, mode, cause: 'opened', firstAttempt: 0, requestedAt: task.openedAt });
  });

  test('is not begun where an exception covers the endpoint, and the opening still stands in the history', () => {
    const { task, events } = given(opened('TM', { exception }));
    expect(events.map(({ type }) => type)).toEqual(['TaskOpened', 'MitigationExcepted']);
    expect(task.status).toEqual({ code: 'mitigation-exception', exception });
  });

  test('is not handed a target that has neither path nor hash', () => {
    const hash = target('t3', { sha256: 'ab'.repeat(32) });
    const { task } = given(opened('TM', { targets: [target('t1', {}), target('t2'), hash] }));
    expect(task.run.payload.targets).toEqual([target('t2'), hash]);
  });
});

describe('the run clock', () => {
  const named = { targets: [target('t1', {}), target('t2')] };
  const nameless = { targets: [target('t1', {})] };
  test.each<[RunMode, typeof named, number]>([
    ['assess', named, 600],
    ['mitigate', named, 600],
    ['rollback', { targets: [] }, 600],
    ['scan', named, 14_400],
    ['scan', { targets: [] }, 14_400],
    ['mitigate', nameless, 14_400],
    ['assess', nameless, 14_400],
    ['mitigate', { targets: [] }, 14_400],
  ])('of a run in mode %s with %j is %d seconds', (mode, payload, seconds) => {
    expect(runTimeoutSeconds(defaultClocks, mode, payload)).toBe(seconds);
  });

  test('knows a target named by hash alone', () => {
    const payload = { targets: [target('t1', { sha256: 'ab'.repeat(32) })] };
    expect(runTimeoutSeconds(defaultClocks, 'mitigate', payload)).toBe(600);
  });
});

test('only an assessment changes nothing on its endpoint', () => {
  expect((['assess', 'mitigate', 'scan', 'rollback'] as const).filter((mode) => !changesState(mode))).toEqual([
    'assess',
  ]);
});

describe('detections', () => {
  const taken = (n: number, more: Partial<TakenDetection> = {}): TakenDetection => ({
    detectionId: `detection-${n}`,
    eventId: `event-${n}`,
    source: 'sensor',
    sourceId: String(n),
    detectedAt: timeOf(n),
    severity: 3,
    threat: { name: 'x' },
    ...more,
  });
  const attached = (detection: TakenDetection): Step => ({
    take: () => ({ ok: true, events: [{ type: 'DetectionAttached', data: { detection } }] }),
  });
  const updated = (detection: TakenDetection): Step => ({
    take: () => ({ ok: true, events: [{ type: 'DetectionUpdated', data: { detection } }] }),
  });
  const none = given(opened('TM'));

  test('are counted, with the first and the last time whatever the order they come in', () => {
    const { task } = none.when([5, 2, 9, 4].map((n) => attached(taken(n))));
    expect(task.detections).toEqual({
      count: 4,
      firstSeenAt: timeOf(2),
      lastSeenAt: timeOf(9),
      ids: ['detection-5', 'detection-2', 'detection-9', 'detection-4'],
    });
  });

  test('are compared as instants, whatever the zone their times are written in', () => {
    const detectedAt = '2026-01-01T01:00:01.000+01:00';
    const { task } = none.when(attached(taken(2)), attached(taken(1, { detectedAt })));
    expect(task.detections).toMatchObject({ firstSeenAt: detectedAt, lastSeenAt: timeOf(2) });
  });

  test('beyond the hundredth are counted, and the oldest ids forgotten', () => {
    const { task } = none.when(Array.from({ length: 103 }, (_, n) => attached(taken(n))));
    expect(task.detections.count).toBe(103);
    expect(task.detections.ids).toHaveLength(REMEMBERED_DETECTION_IDS);
    expect(task.detections.ids[0]).toBe('detection-3');
  });

  test('that change are counted once, and change the severity and never the status', () => {
    const { task } = none.when(attached(taken(1)), updated(taken(1, { severity: 5 })));
    expect(task).toMatchObject({ severity: 5, detections: { count: 1 }, status: none.task.status });
  });
});
