import { given, timeOf } from './history.fixture.ts';
import {
  accepted,
  agentReplaced,
  busy,
  cancelled,
  crashed,
  exception,
  expired,
  finished,
  handedOut,
  lost,
  OTHER_AGENT,
  opened,
  reported,
  resolvedWithBackup,
  rolledBack,
  threat,
  worked,
} from './steps.fixture.ts';

const queued = given(opened('TM'));
const out = queued.when(handedOut());
const running = out.when(accepted('boot-1'));

describe('handing out', () => {
  test('a hand-out names the next attempt, the agent, its lease, and whether a scan could be offered', () => {
    expect(queued.answerTo(handedOut({ capabilities: ['mitigate'] }))).toEqual({
      ok: true,
      events: [
        {
          type: 'TaskDispatched',
          data: { run: 1, attempt: 1, agentId: expect.any(String), leaseSeconds: 90, scanCapable: false },
        },
      ],
    });
  });

  test.each([
    ['while a delivery is out', out],
    ['while an agent works on it', running],
    ['after its end', running.when(reported(finished(threat('t1', 'resolved'))))],
  ])('a run is not handed out %s', (_, history) => {
    expect(history.answerTo(handedOut())).toMatchObject({ ok: false, refusal: { code: 'not-due' } });
  });

  test('a run that the agent was too busy for waits for its time', () => {
    const deferred = out.when(busy(timeOf(100)));
    expect(deferred.answerTo(handedOut({ now: timeOf(99) }))).toMatchObject({ refusal: { code: 'not-due' } });
    expect(deferred.answerTo(handedOut({ now: timeOf(100) }))).toMatchObject({
      ok: true,
      events: [{ data: { attempt: 2 } }],
    });
  });

  test('a run that was asked to stop is not handed out again', () => {
    const stopping = out.when(cancelled(), lost());
    expect(stopping.answerTo(handedOut())).toMatchObject({ ok: false, refusal: { code: 'already-cancelled' } });
  });

  test('an exception ends a run before its first hand-out and never between deliveries', () => {
    expect(queued.when(handedOut({ exception })).task.status).toEqual({ code: 'mitigation-exception', exception });
    for (const again of [out.when(lost()), out.when(busy())]) {
      expect(again.when(handedOut({ exception })).task.status.code).toBe('mitigation-in-progress');
    }
  });

  test('an exception never stops a rollback', () => {
    const { task } = queued.when(worked(resolvedWithBackup('t1')), rolledBack(), handedOut({ exception }));
    expect(task.status).toEqual({ code: 'mitigation-in-progress', phase: 'dispatched' });
  });

  test.each([
    [['scan'] as const, true],
    [['assess'] as const, false],
  ])('an agent that can only %j excludes a mitigation, a scan offered: %s', (capabilities, scanOffered) => {
    const { task } = queued.when(handedOut({ capabilities }));
    expect(task.status).toEqual({ code: 'platform-not-supported', scanOffered });
    expect(task.attempt).toBe(0);
  });

  test('a scan that the platform cannot run offers no scan', () => {
    const { task } = given(opened('ODS-A')).when(handedOut({ capabilities: ['mitigate'] }));
    expect(task.status).toEqual({ code: 'platform-not-supported', scanOffered: false });
  });
});

describe('losing deliveries', () => {
  test('the third lost delivery of a run ends it, also when busy answers came between', () => {
    const twice = queued.when(handedOut(), busy(), handedOut(), lost(), handedOut(), busy(), handedOut(), lost());
    expect(twice.task.status).toEqual({ code: 'mitigation-in-progress', phase: 'queued' });
    const third = twice.when(handedOut(), lost());
    expect(third.task.status).toEqual({ code: 'incomplete-task', reason: 'lost-deliveries' });
    expect(third.task.attempt).toBe(5);
  });

  test('a lost delivery is still a delivery of its run, one given back as busy is not', () => {
    const counted = (history: typeof queued) => ({
      deliveries: history.task.run.deliveries,
      lost: history.task.run.lostDeliveries,
      first: history.task.run.firstAttempt,
    });
    expect(counted(out.when(lost()))).toEqual({ deliveries: 1, lost: 1, first: 1 });
    expect(counted(out.when(busy(), handedOut(), lost(), handedOut()))).toEqual({ deliveries: 2, lost: 1, first: 1 });
  });

  test.each([
    ['a queued run', queued],
    ['a run given back as busy', out.when(busy())],
    ['an ended run', running.when(expired('run-clock'))],
  ])('%s has no delivery to lose', (_, history) => {
    expect(history.answerTo(lost())).toMatchObject({ ok: false, refusal: { code: 'not-in-progress' } });
  });
});

describe('agent crashes', () => {
  test('the second crash of a run ends it', () => {
    const once = running.when(crashed('boot-2'));
    expect(once.task.status).toEqual({ code: 'mitigation-in-progress', phase: 'accepted' });
    expect(once.when(crashed('boot-3')).task.status).toEqual({ code: 'incomplete-task', reason: 'agent-crashed' });
  });

  test('one boot is one crash, however often the agent checks in with it', () => {
    const once = running.when(crashed('boot-2'));
    expect(once.answerTo(crashed('boot-2'))).toEqual({ ok: true, events: [] });
  });

  test.each([
    ['queued', queued],
    ['handed out and not accepted', out],
    ['ended', running.when(expired('run-clock'))],
  ])('a run that is %s cannot crash its agent', (_, history) => {
    expect(history.answerTo(crashed('boot-2'))).toMatchObject({ ok: false, refusal: { code: 'not-in-progress' } });
  });

  test('crashes of an earlier run do not count for a new one', () => {
    const once = running.when(crashed('boot-2'), reported(resolvedWithBackup('t1')), rolledBack(), handedOut());
    expect(once.when(accepted(), crashed('boot-3')).task.status.code).toBe('mitigation-in-progress');
  });
});

describe('an agent replaced by another', () => {
  test('ends a run that it had accepted', () => {
    expect(running.when(agentReplaced()).task.status).toEqual({ code: 'incomplete-task', reason: 'agent-replaced' });
  });

  test('ends a run that it had accepted also when it was handed out to it again', () => {
    const { task } = running.when(lost(), handedOut(), agentReplaced());
    expect(task.status).toEqual({ code: 'incomplete-task', reason: 'agent-replaced' });
  });

  test('gives a run that it had not accepted to the new agent, and cannot accept it any more', () => {
    const waiting = out.when(agentReplaced());
    expect(waiting.answerTo(accepted())).toMatchObject({ code: 409, events: [] });
    expect(waiting.answerTo(reported(finished(threat('t1', 'resolved'))))).toMatchObject({ code: 409, events: [] });
    const { task } = waiting.when(handedOut({ agentId: OTHER_AGENT }), accepted());
    expect(task.run.agentId).toBe(OTHER_AGENT);
    expect(task.status).toEqual({ code: 'mitigation-in-progress', phase: 'accepted' });
  });

  test('ends a run that it had accepted and that waits in the queue again', () => {
    const { task } = running.when(lost(), agentReplaced());
    expect(task.status).toEqual({ code: 'incomplete-task', reason: 'agent-replaced' });
  });

  test('ends a run that it had accepted before it can be handed to the new agent', () => {
    const waiting = running.when(lost());
    const { task } = waiting.when(handedOut({ agentId: OTHER_AGENT }));
    expect(task.status).toEqual({ code: 'incomplete-task', reason: 'agent-replaced' });
    expect(waiting.when(handedOut()).task.status).toMatchObject({ phase: 'dispatched' });
  });

  test('takes its deliveries away without counting them as lost', () => {
    const twice = out.when(lost(), handedOut(), lost(), handedOut(), agentReplaced());
    expect(twice.task).toMatchObject({ status: { phase: 'queued' }, run: { lostDeliveries: 2 }, attempt: 3 });
    const third = twice.when(handedOut({ agentId: OTHER_AGENT }), lost());
    expect(third.task.status).toEqual({ code: 'incomplete-task', reason: 'lost-deliveries' });
  });

  test.each([
    ['queued', queued],
    ['ended', running.when(reported(finished(threat('t1', 'gone'))))],
  ])('changes nothing of a run that is %s', (_, history) => {
    expect(history.answerTo(agentReplaced())).toEqual({ ok: true, events: [] });
  });
});
