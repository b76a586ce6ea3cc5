import { given, timeOf } from './history.fixture.ts';
import {
  accepted,
  agentReplaced,
  cancelled,
  columns,
  crashed,
  exception,
  expired,
  finished,
  handedOut,
  lost,
  opened,
  resolvedWithBackup,
  restoredThere,
  retried,
  rolledBack,
  threat,
  worked,
} from './steps.fixture.ts';

// Ends that the server infers or decides. Source: statuses.md, "Ends the server infers".

const contact = { limitSeconds: 3600, lastContactAt: timeOf(-500) };
const lostOnce = [handedOut(), lost()];

describe.each(columns)('a %s task', (column) => {
  const queued = given(opened(column));
  const running = queued.when(handedOut(), accepted('boot-1'));
  const isTm = column === 'TM';

  test('whose endpoint never made contact cannot connect, and says when it last did', () => {
    expect(queued.when(expired('queue-clock', contact)).task.status).toEqual({
      code: 'cannot-connect-to-endpoint',
      ...contact,
    });
    expect(queued.when(handedOut(), expired('queue-clock')).task.status).toEqual({
      code: 'cannot-connect-to-endpoint',
    });
  });

  test.each<[string, typeof queued, object]>([
    [
      'it waited in contact for longer than allowed',
      queued.when(expired('total-wait', { limitSeconds: 86_400 })),
      { reason: 'total-wait-over', limitSeconds: 86_400 },
    ],
    ['three deliveries were lost', queued.when(lostOnce, lostOnce, lostOnce), { reason: 'lost-deliveries' }],
    ['the agent crashed on it twice', running.when(crashed('boot-2'), crashed('boot-3')), { reason: 'agent-crashed' }],
    ['nobody knew it after a restart', running.when(expired('lost-over-restart')), { reason: 'lost-over-restart' }],
    ['its agent was replaced', running.when(agentReplaced()), { reason: 'agent-replaced' }],
    ['it was cancelled before anybody had it', queued.when(cancelled()), { reason: 'cancelled' }],
    [
      'the agent did not answer the cancel',
      running.when(cancelled(), expired('cancel-unanswered')),
      { reason: 'cancelled' },
    ],
  ])('is incomplete when %s', (_, { task }, facts) => {
    expect(task.status).toEqual({ code: 'incomplete-task', ...facts });
  });

  test('that was accepted and not finished in time timed out, or is incomplete as a silent scan', () => {
    const late = running.when(expired('run-clock', { limitSeconds: 777 }));
    expect(late.task.status).toEqual(
      isTm
        ? { code: 'mitigation-timeout', limitSeconds: 777 }
        : { code: 'incomplete-task', reason: 'silent-scan', limitSeconds: 777 },
    );
  });

  test('whose endpoint an exception covers is not carried out, and names the exception', () => {
    const status = { code: 'mitigation-exception', exception };
    expect(given(opened(column, { exception })).task.status).toEqual(status);
    expect(queued.when(handedOut({ exception })).task.status).toEqual(status);
    expect(queued.when(expired('queue-clock'), retried(), handedOut({ exception })).task.status).toEqual(status);
  });

  test('that the agent cannot run at check-in is not supported on the platform', () => {
    expect(queued.when(handedOut({ capabilities: [] })).task.status).toEqual({
      code: 'platform-not-supported',
      scanOffered: false,
    });
  });

  describe('rolled back', () => {
    const rollback = queued.when(worked(resolvedWithBackup('t1')), rolledBack());
    const notReported = { id: 'b-t1', restored: false, reason: 'not-reported' };

    test('and not heard of again is unsuccessful, its items not reported and still restorable', () => {
      for (const history of [rollback.when(handedOut(), accepted()), rollback.when(handedOut(), accepted(), lost())]) {
        const { task } = history.when(expired('run-clock'));
        expect(task.status).toEqual({ code: 'rollback-unsuccessful', items: [notReported] });
        expect(task.restorable.map(({ id }) => id)).toEqual(['b-t1']);
      }
    });

    test('on the endpoint and not heard of again is unsuccessful too', () => {
      const { task } = queued.when(worked(resolvedWithBackup('t1')), restoredThere(), expired('run-clock'));
      expect(task.status).toEqual({ code: 'rollback-unsuccessful', items: [notReported] });
    });

    test.each([
      ['no contact', [expired('queue-clock', contact)], contact],
      ['the total wait over', [expired('total-wait', contact)], contact],
      ['three deliveries lost', [lostOnce, lostOnce, lostOnce].flat(), {}],
    ])('and never accepted, with %s, cannot connect, and a retry repeats the rollback', (_, steps, facts) => {
      const history = rollback.when(steps);
      expect(history.task.status).toEqual({ code: 'cannot-connect-to-endpoint', ...facts });
      expect(history.when(retried()).task.run).toMatchObject({ mode: 'rollback', payload: rollback.task.run.payload });
    });

    test('accepted, and lost three times, is unsuccessful', () => {
      const { task } = rollback.when(handedOut(), accepted(), lost(), lostOnce, lostOnce);
      expect(task.status).toEqual({ code: 'rollback-unsuccessful', items: [notReported] });
    });
  });
});

test('a timeout without a limit names the limit that the run was given', () => {
  const { task } = given(opened('TM')).when(handedOut(), accepted(), expired('run-clock'));
  expect(task.status).toEqual({ code: 'mitigation-timeout', limitSeconds: 600 });
});

describe('a clock ends a run only in a state it runs in', () => {
  const queued = given(opened('TM'));
  const out = queued.when(handedOut());
  const running = out.when(accepted());
  const stopping = running.when(cancelled());
  const causes = [
    'queue-clock',
    'total-wait',
    'run-clock',
    'lost-deliveries',
    'agent-crashes',
    'lost-over-restart',
    'agent-replaced',
    'cancel-unanswered',
  ] as const;
  const before = ['queue-clock', 'total-wait'];
  const after = ['run-clock', 'lost-over-restart', 'agent-replaced'];

  test.each<[string, typeof queued, string[]]>([
    ['queued', queued, before],
    ['handed out', out, before],
    ['worked on', running, after],
    ['lost after its acceptance', running.when(lost()), after],
    ['asked to stop before its acceptance', out.when(cancelled()), [...before, 'cancel-unanswered']],
    ['asked to stop', stopping, [...after, 'cancel-unanswered']],
  ])('a run that is %s', (_, history, allowed) => {
    const taken = causes.filter((cause) => 'events' in history.answerTo(expired(cause)));
    expect(taken).toEqual(allowed);
    const refusals = causes
      .filter((cause) => !allowed.includes(cause))
      .map((cause) => history.answerTo(expired(cause)));
    for (const answer of refusals) expect(answer).toMatchObject({ ok: false, refusal: { code: 'not-due' } });
  });

  test('a run that has ended is not ended again', () => {
    const ended = queued.when(worked(finished(threat('t1', 'resolved'))));
    for (const cause of causes) {
      expect(ended.answerTo(expired(cause))).toMatchObject({ ok: false, refusal: { code: 'not-in-progress' } });
    }
  });
});
