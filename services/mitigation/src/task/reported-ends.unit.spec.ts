import { given } from './history.fixture.ts';
import {
  accepted,
  assessed,
  backup,
  busy,
  type Column,
  cancelled,
  columns,
  finished,
  handedOut,
  opened,
  ranCleanup,
  reported,
  resolvedWithBackup,
  restored,
  retried,
  rolledBack,
  target,
  threat,
  worked,
} from './steps.fixture.ts';

// What each status looks like when the agent reports the end, with its facts. Source: statuses.md.

const statusOf = (column: Column, ...steps: Parameters<ReturnType<typeof given>['when']>) =>
  given(opened(column)).when(...steps).task.status;
const anyKind = describe.each(columns);
/** What dealing with t1 is called in a result, for a kind with that target and for a scan that found it. */
const t1 = (outcome: Parameters<typeof threat>[1], more = {}) => finished(threat('t1', outcome, more));

anyKind('a %s task', (column) => {
  test('is in progress while it is queued, handed out and worked on', () => {
    const queued = given(opened(column));
    const phases = [queued, queued.when(handedOut()), queued.when(handedOut(), accepted())];
    expect(phases.map(({ task }) => task.status)).toEqual([
      { code: 'mitigation-in-progress', phase: 'queued' },
      { code: 'mitigation-in-progress', phase: 'dispatched' },
      { code: 'mitigation-in-progress', phase: 'accepted' },
    ]);
  });

  test('is in progress again once the agent was busy, and once it is retried', () => {
    const queued = { code: 'mitigation-in-progress', phase: 'queued' };
    expect(statusOf(column, handedOut(), busy())).toEqual(queued);
    expect(statusOf(column, worked({ outcome: 'component-error' }), retried())).toEqual(queued);
  });

  test('has all threats resolved when the agent resolved them', () => {
    expect(statusOf(column, worked(t1('resolved')))).toEqual({ code: 'all-threats-resolved' });
  });

  test('has not all threats resolved when one failed, and says which and why', () => {
    const failed = threat('t2', 'failed', { error: 'file is in use' });
    expect(statusOf(column, worked(finished(threat('t1', 'resolved'), failed)))).toEqual({
      code: 'not-all-threats-resolved',
      failed: [failed],
    });
  });

  test('was rolled back when every item was restored', () => {
    const items = restored({ id: 'b-t1', restored: true });
    expect(statusOf(column, worked(resolvedWithBackup('t1')), rolledBack(), worked(items))).toEqual({
      code: 'rollback-successful',
    });
  });

  test('was not rolled back when an item was not restored, and says which and why', () => {
    const missing = { id: 'b-t1', restored: false, reason: 'backup-missing' as const };
    const result = restored(missing, { id: 'b-t2', restored: true });
    const both = { ...t1('resolved'), backups: [backup('b-t1', 't1'), backup('b-t2', 't1')] };
    expect(statusOf(column, worked(both), rolledBack(), worked(result))).toEqual({
      code: 'rollback-unsuccessful',
      items: [missing],
    });
  });

  test.each<[string, object, object]>([
    [
      'a component failed',
      { outcome: 'component-error', component: { name: 'engine', version: '7.1', error: 'crash' } },
      { code: 'agent-component-error', component: { name: 'engine', version: '7.1', error: 'crash' } },
    ],
    [
      'a configuration file is corrupted',
      { outcome: 'configuration-corrupted', configurationFile: 'a.conf' },
      { code: 'corrupted-configuration', configurationFile: 'a.conf' },
    ],
    [
      'a pattern is missing',
      { outcome: 'pattern-not-found', patternId: 'p-1' },
      { code: 'pattern-not-found', patternId: 'p-1' },
    ],
    ['no scan query can be sent', { outcome: 'scan-query-unsendable' }, { code: 'cannot-send-scan-query' }],
  ])('says that %s, in a rollback too', (_, data, status) => {
    expect(statusOf(column, worked(data))).toEqual(status);
    expect(statusOf(column, worked(resolvedWithBackup('t1')), rolledBack(), worked(data))).toEqual(status);
  });

  test('that was asked to stop and stopped is incomplete, because it was cancelled', () => {
    expect(statusOf(column, handedOut(), accepted(), cancelled(), reported({ outcome: 'stopped' }))).toEqual({
      code: 'incomplete-task',
      reason: 'cancelled',
    });
  });

  test('cannot run on the platform; a scan is offered only where one would be something else', () => {
    const data = { outcome: 'platform-not-supported' };
    const isScan = given(opened(column)).task.run.mode === 'scan';
    expect(statusOf(column, worked(data))).toEqual({ code: 'platform-not-supported', scanOffered: !isScan });
    const unable = handedOut({ capabilities: [given(opened(column)).task.run.mode] });
    expect(statusOf(column, unable, reported(data))).toEqual({ code: 'platform-not-supported', scanOffered: false });
  });
});

test.each(columns.filter((column) => column !== 'TM' && column !== 'UIE'))(
  'a %s scan that found nothing says so',
  (column) => {
    expect(statusOf(column, worked(finished()))).toEqual({ code: 'no-threat-found' });
  },
);

test('a scan that lost its query service counts the files it let pass', () => {
  expect(statusOf('PIS', worked({ ...finished(), bypassedFiles: 12 }))).toEqual({
    code: 'no-threat-found',
    bypassedFiles: 12,
  });
  expect(statusOf('PIS', worked({ ...finished(), bypassedFiles: 0 }))).toEqual({ code: 'no-threat-found' });
});

test.each(['TM', 'UIE'] as const)('a %s task without a target that found nothing says so', (column) => {
  const { task } = given(opened(column, { targets: [] })).when(worked(finished()));
  expect(task.status).toEqual({ code: 'no-threat-found' });
});

test.each<[Column, string]>([
  ['TM', 'agent-component-restart-required'],
  ['UIE', 'agent-component-error'],
  ['ODS-U', 'agent-component-error'],
  ['ODS-A', 'agent-component-error'],
  ['PIS', 'agent-component-error'],
])('a component that needs a restart makes a %s task %s', (column, code) => {
  const component = { name: 'driver', version: '2' };
  expect(statusOf(column, worked({ outcome: 'component-restart-required', component }))).toEqual({ code, component });
});

describe('threat mitigation', () => {
  test('says which security software took which action', () => {
    const more = { by: 'OfficeScan', action: 'deleted' };
    expect(statusOf('TM', worked(t1('handled-by-security-software', more)))).toEqual({
      code: 'security-software-took-action',
      ...more,
    });
    expect(statusOf('TM', worked(t1('handled-by-security-software')))).toEqual({
      code: 'security-software-took-action',
    });
  });

  test('says that the threat no longer exists, or that it was no threat', () => {
    expect(statusOf('TM', worked(t1('gone')))).toEqual({ code: 'threat-no-longer-exists' });
    expect(statusOf('TM', worked(t1('confirmed-safe')))).toEqual({ code: 'potential-threat-resolved' });
  });

  test('that assesses first needs manual cleanup of what it found, until Run Cleanup did it', () => {
    const history = given(opened('TM', { assessFirst: true })).when(worked(assessed(threat('t1', 'found'))));
    expect(history.task.status).toEqual({ code: 'manual-cleanup-needed' });
    const cleaned = history.when(ranCleanup(), worked(t1('resolved')));
    expect(cleaned.task.status).toEqual({ code: 'all-threats-resolved' });
  });
});

describe('an on-demand scan by the user', () => {
  const left = threat('y', 'left-by-user');
  const unanswered = { ...left, action: 'no-answer' };

  test('that left everything had no action performed, and names what was left', () => {
    expect(statusOf('ODS-U', worked(finished(left)))).toEqual({ code: 'no-action-on-threats', left: [left] });
    expect(statusOf('ODS-U', worked(finished(unanswered)))).toEqual({
      code: 'no-action-on-threats',
      left: [unanswered],
      reason: 'no-answer',
    });
  });

  test('that chose some has all selected threats resolved', () => {
    const chosen = threat('x', 'confirmed-safe');
    expect(statusOf('ODS-U', worked(finished(chosen, left)))).toEqual({
      code: 'selected-threats-resolved',
      left: [left],
    });
    const half = [left, { ...unanswered, id: 'z' }];
    expect(statusOf('ODS-U', worked(finished(chosen, ...half)))).toEqual({
      code: 'selected-threats-resolved',
      left: half,
    });
    expect(statusOf('ODS-U', worked(finished(chosen, unanswered)))).toEqual({
      code: 'selected-threats-resolved',
      left: [unanswered],
      reason: 'no-answer',
    });
  });

  test('of whose chosen threats one failed has not all selected threats resolved', () => {
    const failed = threat('x', 'failed', { error: 'locked' });
    expect(statusOf('ODS-U', worked(finished(failed, threat('w', 'resolved'), left)))).toEqual({
      code: 'not-all-selected-threats-resolved',
      failed: [failed],
      left: [left],
    });
  });
});

test('targets named by hash alone are answered like those named by path', () => {
  const hashed = target('t1', { sha256: 'ab'.repeat(32) });
  const { task } = given(opened('TM', { targets: [hashed] })).when(worked(t1('gone')));
  expect(task.status).toEqual({ code: 'threat-no-longer-exists' });
});
