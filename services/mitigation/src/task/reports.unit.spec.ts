import { foldTask } from './evolve.ts';
import { given, recorded, timeOf } from './history.fixture.ts';
import {
  AGENT,
  accepted,
  busy,
  cancelled,
  expired,
  finished,
  handedOut,
  lost,
  OTHER_AGENT,
  opened,
  reported,
  retried,
  says,
  threat,
  worked,
} from './steps.fixture.ts';

const good = finished(threat('t1', 'resolved'));
const queued = given(opened('TM'));
const out = queued.when(handedOut());
const running = out.when(says({ type: 'accepted', bootId: 'boot-1' }, { id: 'first-accepted' }));
const done = running.when(says({ type: 'result', data: good }, { id: 'first-result' }));
const timedOut = running.when(expired('run-clock'));

describe('a report is taken', () => {
  test('the first acceptance starts the run clock, and a later delivery does not restart it', () => {
    expect(running.task.run.firstAcceptedAt).toBe(timeOf(3));
    const again = running.when(lost(), handedOut(), accepted());
    expect(again.task.run.firstAcceptedAt).toBe(timeOf(3));
    expect(again.task.attempt).toBe(2);
  });

  test('a result without an acceptance before it ends the run', () => {
    expect(out.when(reported(good)).task.status.code).toBe('all-threats-resolved');
  });

  test.each(['started', 'progress'] as const)('%s leaves nothing in the stream', (type) => {
    expect(running.answerTo(says({ type }))).toEqual({ code: 200, events: [] });
    expect(out.answerTo(says({ type }))).toEqual({ code: 200, events: [] });
  });

  test('busy puts the run back until its time and uses up no delivery', () => {
    const { task } = out.when(busy(timeOf(50)));
    expect(task.run).toMatchObject({ notBefore: timeOf(50), lostDeliveries: 0, deliveries: 0 });
    expect(task.status).toEqual({ code: 'mitigation-in-progress', phase: 'queued' });
  });

  test('one late result corrects an inferred end, once, and both stand in the history', () => {
    expect(timedOut.answerTo(reported(good))).toMatchObject({ code: 200, late: true });
    const corrected = timedOut.when(reported(good));
    expect(corrected.task.status.code).toBe('all-threats-resolved');
    expect(corrected.events.map(({ type }) => type).slice(-2)).toEqual(['RunExpired', 'TaskLateResult']);
    expect(corrected.answerTo(reported(finished(threat('t1', 'failed'))))).toEqual({ code: 410, events: [] });
  });

  test('a result of a delivery that counts as lost is taken while no newer one is out', () => {
    expect(running.when(lost()).answerTo(reported(good))).toMatchObject({
      code: 200,
      events: [{ type: 'RunReported' }],
    });
  });
});

describe('a report changes nothing', () => {
  test.each([
    ['an acceptance', running, says({ type: 'accepted' }, { id: 'first-accepted' })],
    ['a result', done, says({ type: 'result', data: good }, { id: 'first-result' })],
    ['an acceptance, after the end', done, says({ type: 'accepted' }, { id: 'first-accepted' })],
  ])('when it is %s sent again', (_, history, again) => {
    expect(history.answerTo(again)).toEqual({ code: 200, events: [] });
  });

  test('when it is a refused result sent again: it is refused again, with its place', () => {
    const bad = says({ type: 'result', data: { outcome: 'rolled-back' } }, { id: 'refused' });
    const errors = [{ pointer: '/outcome', detail: expect.any(String) }];
    expect(running.when(bad).answerTo(bad)).toEqual({ code: 422, events: [], errors });
  });

  test('when it is the late result sent again: it is called late again', () => {
    const late = says({ type: 'result', data: good }, { id: 'late' });
    expect(timedOut.when(late).answerTo(late)).toEqual({ code: 200, events: [], late: true });
  });

  test('when it repeats in a new report what is known', () => {
    expect(running.answerTo(accepted())).toEqual({ code: 200, events: [] });
  });

  test.each([
    ['acceptance', says({ type: 'accepted' }, { attempt: 1 })],
    ['busy answer', says({ type: 'busy', notBefore: timeOf(9) }, { attempt: 1 })],
    ['progress', says({ type: 'progress' }, { attempt: 1 })],
    ['result', says({ type: 'result', data: good }, { attempt: 1 })],
  ])('when it is the %s of an old attempt', (_, stale) => {
    expect(out.when(lost(), handedOut()).answerTo(stale)).toEqual({ code: 409, events: [] });
  });

  test('when it comes from another agent than the one that holds the lease', () => {
    const other = says({ type: 'result', data: good }, { agentId: OTHER_AGENT });
    for (const history of [out, running, timedOut]) {
      expect(history.answerTo(other)).toEqual({ code: 409, events: [] });
    }
  });

  test.each([0, -1, 2])('when there is no attempt %d', (attempt) => {
    expect(out.answerTo(says({ type: 'accepted' }, { attempt }))).toEqual({ code: 404, events: [] });
  });

  test('when the run was never handed out', () => {
    expect(queued.answerTo(says({ type: 'accepted' }, { attempt: 1, agentId: AGENT }))).toMatchObject({ code: 404 });
  });

  test('when the agent gave the run back as busy', () => {
    const deferred = out.when(busy());
    for (const step of [accepted(), reported(good), busy(), says({ type: 'progress' })]) {
      expect(deferred.answerTo(step)).toEqual({ code: 409, events: [] });
    }
  });

  test('when it takes up again a delivery that counts as lost', () => {
    const unknown = running.when(lost());
    for (const step of [accepted(), busy(), says({ type: 'started' }), says({ type: 'progress' })]) {
      expect(unknown.answerTo(step)).toEqual({ code: 409, events: [] });
    }
  });

  test('when the agent says busy while it works on the run', () => {
    expect(running.answerTo(busy())).toEqual({ code: 409, events: [] });
  });

  test.each([
    ['a reported end', done],
    ['a stopped run', queued.when(handedOut(), accepted(), cancelled(), reported({ outcome: 'stopped' }))],
    ['a rejected result', running.when(reported({}))],
  ])('when it is a result after %s', (_, history) => {
    expect(history.answerTo(reported(finished(threat('t1', 'failed'))))).toEqual({ code: 410, events: [] });
  });

  test.each([accepted(), busy(), says({ type: 'progress' })])('when the run is over and it is no result', (step) => {
    expect(timedOut.answerTo(step)).toEqual({ code: 410, events: [] });
  });

  test('when a newer run opened: a late result of the earlier one is stale', () => {
    const retriedRun = timedOut.when(retried());
    const late = says({ type: 'result', data: good }, { attempt: 1, agentId: AGENT });
    expect(retriedRun.answerTo(late)).toEqual({ code: 409, events: [] });
    expect(retriedRun.when(handedOut()).answerTo(late)).toEqual({ code: 409, events: [] });
  });
});

describe('cancel and reports', () => {
  test('a lease not yet accepted counts as running: its acceptance is told to stop', () => {
    expect(out.when(cancelled()).answerTo(accepted())).toEqual({ code: 410, events: [] });
  });

  test('a result that came first stands, and the cancel came too late', () => {
    const { task } = running.when(cancelled(), reported(good));
    expect(task.status.code).toBe('all-threats-resolved');
    expect(task.cancel?.outcome).toBe('too-late');
  });

  test('a stopped run is cancelled', () => {
    const { task } = running.when(cancelled(), reported({ outcome: 'stopped' }));
    expect(task.status).toEqual({ code: 'incomplete-task', reason: 'cancelled' });
    expect(task.cancel?.outcome).toBe('stopped');
  });

  test('an agent that never answers is not waited for, and its late result still counts', () => {
    const { task, when } = running.when(cancelled(), expired('cancel-unanswered'));
    expect(task.status).toEqual({ code: 'incomplete-task', reason: 'cancelled' });
    expect(task.cancel?.outcome).toBe('unanswered');
    expect(when(reported(good)).task).toMatchObject({
      status: { code: 'all-threats-resolved' },
      cancel: { outcome: 'too-late' },
    });
    expect(when(reported({ outcome: 'stopped' })).task.cancel?.outcome).toBe('stopped');
  });
});

describe('a stream that no decision wrote is a defect', () => {
  const first = recorded(opened('TM')[0]!, 1);

  test.each([
    ['that does not start with TaskOpened', [recorded({ type: 'CancelRequested', data: { run: 1 } }, 1)]],
    ['that opens the task twice', [first, recorded(opened('ODS-U')[0]!, 2)]],
  ])('%s cannot be folded', (_, events) => {
    expect(() => foldTask(events)).toThrow();
  });

  test('a result that a later, stricter contract refuses still folds: a stream that stands stays readable', () => {
    const found = { id: 'target', name: 'EICAR', outcome: 'found' } as const;
    const data = { run: 1, attempt: 1, result: { outcome: 'finished' as const, threats: [found] } };
    const task = foldTask([first, recorded({ type: 'RunReported', data }, 2)]);
    expect(task?.status).toEqual({ code: 'not-all-threats-resolved', failed: [found] });
  });

  test('an empty stream is no task', () => {
    expect(foldTask([])).toBeUndefined();
  });

  test('a whole delivery folds from the events alone', () => {
    const history = queued.when(worked(good));
    expect(foldTask(history.events)).toEqual(history.task);
  });
});
