import { statusCatalogue, statusEntry } from '@quell/contracts/status-catalogue';
import type { StatusCode } from '@quell/contracts/task-status';
import { given, type History } from './history.fixture.ts';
import {
  accepted,
  acknowledged,
  assessed,
  cancelled,
  exception,
  expired,
  finished,
  handedOut,
  opened,
  ranCleanup,
  resolvedWithBackup,
  restored,
  restoredThere,
  retried,
  rolledBack,
  target,
  threat,
  worked,
} from './steps.fixture.ts';

const odsu = given(opened('ODS-U'));
const tm = given(opened('TM'));
const assess = given(opened('TM', { assessFirst: true }));
const backedUp = given(opened('TM', { targets: [target('t1'), target('t2')] })).when(
  worked(resolvedWithBackup('t1', 't2')),
);
const items = (second: boolean) => restored({ id: 'b-t1', restored: true }, { id: 'b-t2', restored: second });

/** A task in each status, none of them with anything left to restore. */
const histories: Record<StatusCode, History> = {
  'mitigation-in-progress': tm,
  'all-threats-resolved': tm.when(worked(finished(threat('t1', 'resolved')))),
  'security-software-took-action': tm.when(worked(finished(threat('t1', 'handled-by-security-software')))),
  'threat-no-longer-exists': tm.when(worked(finished(threat('t1', 'gone')))),
  'potential-threat-resolved': tm.when(worked(finished(threat('t1', 'confirmed-safe')))),
  'no-threat-found': given(opened('PIS')).when(worked(finished())),
  'rollback-successful': backedUp.when(rolledBack(), worked(items(true))),
  'manual-cleanup-needed': assess.when(worked(assessed(threat('t1', 'found')))),
  'mitigation-exception': given(opened('UIE', { exception })),
  'selected-threats-resolved': odsu.when(worked(finished(threat('x', 'resolved'), threat('y', 'left-by-user')))),
  'no-action-on-threats': odsu.when(worked(finished(threat('x', 'left-by-user')))),
  'mitigation-timeout': tm.when(handedOut(), accepted(), expired('run-clock')),
  'cannot-connect-to-endpoint': tm.when(expired('queue-clock')),
  'platform-not-supported': tm.when(handedOut({ capabilities: [] })),
  'incomplete-task': tm.when(expired('total-wait')),
  'not-all-threats-resolved': tm.when(worked(finished(threat('t1', 'failed')))),
  'not-all-selected-threats-resolved': odsu.when(worked(finished(threat('x', 'failed'), threat('y', 'left-by-user')))),
  'agent-component-restart-required': tm.when(worked({ outcome: 'component-restart-required' })),
  'agent-component-error': tm.when(worked({ outcome: 'component-error' })),
  'corrupted-configuration': tm.when(worked({ outcome: 'configuration-corrupted' })),
  'pattern-not-found': tm.when(worked({ outcome: 'pattern-not-found' })),
  'cannot-send-scan-query': tm.when(worked({ outcome: 'scan-query-unsendable' })),
  'rollback-unsuccessful': backedUp.when(rolledBack(), worked(items(false))),
};
const codes = statusCatalogue.map(({ code }) => code);

test.each(codes)('the history for %s reaches it', (code) => {
  expect(histories[code].task.status.code).toBe(code);
});

type Verdict = 'allowed' | 'in-progress' | 'not-in-progress' | 'wrong-status' | 'nothing-to-restore';
const T = 'allowed';
const wrong = 'wrong-status';
const none = 'nothing-to-restore';
const ended = 'not-in-progress';
const open = 'in-progress';
const commands = { ranCleanup, retried, rolledBack, cancelled, acknowledged, restoredThere };

const table: Record<
  StatusCode,
  [cleanup: Verdict, retry: Verdict, rollback: Verdict, cancel: Verdict, acknowledge: Verdict]
> = {
  'mitigation-in-progress': [wrong, open, open, T, open],
  'all-threats-resolved': [wrong, wrong, none, ended, T],
  'security-software-took-action': [wrong, wrong, none, ended, T],
  'threat-no-longer-exists': [wrong, wrong, none, ended, T],
  'potential-threat-resolved': [wrong, wrong, none, ended, T],
  'no-threat-found': [wrong, wrong, none, ended, T],
  'rollback-successful': [wrong, wrong, none, ended, T],
  'manual-cleanup-needed': [T, wrong, none, ended, T],
  'mitigation-exception': [wrong, T, none, ended, T],
  'selected-threats-resolved': [wrong, wrong, none, ended, T],
  'no-action-on-threats': [wrong, wrong, none, ended, T],
  'mitigation-timeout': [wrong, T, none, ended, T],
  'cannot-connect-to-endpoint': [wrong, T, none, ended, T],
  'platform-not-supported': [wrong, T, none, ended, T],
  'incomplete-task': [wrong, T, none, ended, T],
  'not-all-threats-resolved': [wrong, T, none, ended, T],
  'not-all-selected-threats-resolved': [wrong, T, none, ended, T],
  'agent-component-restart-required': [wrong, T, none, ended, T],
  'agent-component-error': [wrong, T, none, ended, T],
  'corrupted-configuration': [wrong, T, none, ended, T],
  'pattern-not-found': [wrong, T, none, ended, T],
  'cannot-send-scan-query': [wrong, T, none, ended, T],
  // One item is still backed up, so that it can be rolled back again.
  'rollback-unsuccessful': [wrong, wrong, T, ended, T],
};

describe.each(codes)('from %s', (code) => {
  const [cleanup, retry, rollback, cancel, acknowledge] = table[code];
  test.each<[keyof typeof commands, Verdict]>([
    ['ranCleanup', cleanup],
    ['retried', retry],
    ['rolledBack', rollback],
    // The endpoint's own restore is a rollback that starts elsewhere.
    ['restoredThere', rollback],
    ['cancelled', cancel],
    ['acknowledged', acknowledge],
  ])('%s is %s', (command, verdict) => {
    const answer = histories[code].answerTo(commands[command]());
    if (verdict === 'allowed') {
      expect(answer).toMatchObject({ ok: true });
      return;
    }
    expect(answer).toMatchObject({ ok: false, refusal: { code: verdict, detail: expect.stringMatching(/\w{3}/) } });
  });
});

test('a refusal over the status names it as users know it', () => {
  const answer = histories['no-action-on-threats'].answerTo(retried());
  expect(answer).toMatchObject({
    refusal: { detail: expect.stringContaining(statusEntry('no-action-on-threats').label) },
  });
});
