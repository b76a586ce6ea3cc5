import { taskEventData } from '@quell/contracts/task-events';
import { given } from './history.fixture.ts';
import {
  accepted,
  acknowledged,
  assessed,
  backup,
  busy,
  cancelled,
  crashed,
  expired,
  finished,
  handedOut,
  lost,
  opened,
  ranCleanup,
  reported,
  resolvedWithBackup,
  restored,
  restoredThere,
  retried,
  rolledBack,
  target,
  threat,
  worked,
} from './steps.fixture.ts';
import { targetsLeft } from './threats.ts';

// What a command starts: its run, mode and payload, and how a cancel goes on.

const queued = given(opened('TM'));
const backedUp = given(opened('TM', { targets: [target('t1'), target('t2')] })).when(
  worked(resolvedWithBackup('t1', 't2')),
);
const itemIds = (task: { run: { payload: { items?: readonly { id: string }[] | undefined } } }) =>
  task.run.payload.items?.map(({ id }) => id);

describe('a new run', () => {
  test('of Run Cleanup mitigates what was assessed', () => {
    const { task } = given(opened('TM', { assessFirst: true })).when(
      worked(assessed(threat('t1', 'found'))),
      ranCleanup(),
    );
    expect(task.run).toMatchObject({ number: 2, mode: 'mitigate', cause: 'run-cleanup', runTimeoutSeconds: 600 });
    expect(task.status).toEqual({ code: 'mitigation-in-progress', phase: 'queued' });
  });

  test('of Run Cleanup can be as large as what an assessment may report', () => {
    const found = Array.from({ length: 10_000 }, (_, index) => threat(`t${index}`, 'found'));
    const { events } = given(opened('TM', { targets: [], assessFirst: true })).when(
      worked(assessed(...found)),
      ranCleanup(),
    );
    expect(taskEventData.RunOpened.safeParse(events.at(-1)?.data).error).toBeUndefined();
  });

  test('of a cleanup looks everywhere again when there were threats that nobody could list', () => {
    const { task } = given(opened('TM', { targets: [], assessFirst: true })).when(
      worked({ ...assessed(threat('t1', 'found')), unlistedThreats: 5 }),
      ranCleanup(),
    );
    expect(task.run).toMatchObject({ number: 2, mode: 'mitigate', payload: { targets: [] } });
    expect(task.run).not.toHaveProperty('unlistedThreats');
  });

  test('takes as many targets and items as a run may be handed; the others wait for the next one', () => {
    const many = (from: number) => Array.from({ length: 6000 }, (_, index) => `t${from + index}`);
    const failing = (from: number) => finished(...many(from).map((id) => threat(id, 'failed')));
    const scanned = given(opened('ODS-A')).when(worked({ ...failing(0), unlistedThreats: 1 }), retried());
    const cleaned = scanned.when(worked({ ...failing(6000), unlistedThreats: 1 })).task;
    expect(targetsLeft(cleaned)).toHaveLength(10_000);
    const backups = (from: number) => many(from).map((id) => backup(`b-${id}`, id));
    const backedUp = given(opened('ODS-A')).when(
      worked({ ...failing(0), backups: backups(0) }),
      retried(),
      worked({ ...failing(6000), backups: backups(6000) }),
      rolledBack(),
    );
    const { items = [] } = backedUp.task.run.payload;
    expect(items).toHaveLength(10_000);
    const { task } = backedUp.when(worked(restored(...items.map(({ id }) => ({ id, restored: true })))), rolledBack());
    expect(itemIds(task)).toHaveLength(2000);
  });

  test.each([
    ['mitigate', given(opened('TM')), 600],
    ['assess', given(opened('TM', { assessFirst: true })), 600],
    ['scan', given(opened('PIS')), 14_400],
  ])('of a retry has the mode %s of the run before, all its counters new', (mode, history, runTimeoutSeconds) => {
    const { task } = history.when(
      handedOut(),
      busy(),
      handedOut(),
      accepted('boot-1'),
      crashed('boot-2'),
      lost(),
      handedOut(),
      reported({ outcome: 'component-error' }),
      retried(),
    );
    const at = task.updatedAt;
    const payload = history.task.run.payload;
    expect(task.run).toEqual({
      ...{ number: 2, mode, cause: 'retry', payload, runTimeoutSeconds, requestedAt: at, notBefore: at },
      ...{ firstAttempt: 0, deliveries: 0, lostDeliveries: 0, crashes: 0, scanCapable: false, deferred: false },
    });
    expect(task.attempt).toBe(3);
  });

  test('goes on counting attempts over the whole task', () => {
    const { task } = backedUp.when(rolledBack(), handedOut());
    expect(task).toMatchObject({ attempt: 2, run: { number: 2, firstAttempt: 2 } });
  });

  test('of a rollback is handed the items not yet restored', () => {
    const first = backedUp.when(rolledBack());
    expect(first.task.run).toMatchObject({ mode: 'rollback', cause: 'rollback', payload: { targets: [] } });
    expect(itemIds(first.task)).toEqual(['b-t1', 'b-t2']);
    const partly = first.when(worked(restored({ id: 'b-t1', restored: true }, { id: 'b-t2', restored: false })));
    expect(itemIds(partly.when(rolledBack()).task)).toEqual(['b-t2']);
  });

  test('of a retried rollback repeats it for what is still to restore', () => {
    const unreached = backedUp.when(rolledBack(), expired('queue-clock'));
    expect(unreached.task.status.code).toBe('cannot-connect-to-endpoint');
    const again = unreached.when(retried());
    expect(again.task.run).toMatchObject({ number: 3, mode: 'rollback', cause: 'retry' });
    expect(itemIds(again.task)).toEqual(['b-t1', 'b-t2']);
  });

  test('of a retried rollback is refused when a fault restored everything', () => {
    const all = [
      { id: 'b-t1', restored: true },
      { id: 'b-t2', restored: true },
    ];
    const history = backedUp.when(rolledBack(), worked({ outcome: 'component-error', items: all }));
    expect(history.answerTo(retried())).toMatchObject({ ok: false, refusal: { code: 'nothing-to-restore' } });
  });

  test('of a restore on the endpoint opens handed out and accepted, for the items it names', () => {
    const { task } = backedUp.when(restoredThere(['b-t2', 'b-unknown']));
    expect(task.run).toMatchObject({ mode: 'rollback', cause: 'endpoint-restore' });
    expect(itemIds(task)).toEqual(['b-t2']);
    expect(task).toMatchObject({ attempt: 2, status: { code: 'mitigation-in-progress', phase: 'accepted' } });
  });

  test('of a restore on the endpoint that names nothing restorable is refused', () => {
    expect(backedUp.answerTo(restoredThere(['b-unknown']))).toMatchObject({
      ok: false,
      refusal: { code: 'nothing-to-restore' },
    });
  });
});

describe('cancel', () => {
  test('withdraws a run that was never handed out, and no late result can change that', () => {
    const { task } = queued.when(cancelled());
    expect(task.status).toEqual({ code: 'incomplete-task', reason: 'cancelled' });
    expect(task.cancel?.outcome).toBe('withdrawn');
    expect(task.run.end).toBe('withdrawn');
  });

  test.each([
    ['handed out', queued.when(handedOut())],
    ['accepted', queued.when(handedOut(), accepted())],
    ['lost', queued.when(handedOut(), lost())],
    ['given back as busy', queued.when(handedOut(), busy())],
  ])('asks the agent to stop a run that was %s', (_, history) => {
    const stopping = history.when(cancelled());
    expect(stopping.task.status).toEqual(history.task.status);
    expect(stopping.task.cancel).toEqual({ run: 1, requestedAt: stopping.task.updatedAt });
    expect(stopping.answerTo(cancelled())).toEqual({ ok: true, events: [] });
    expect(stopping.when(expired('cancel-unanswered')).task.status).toEqual({
      code: 'incomplete-task',
      reason: 'cancelled',
    });
  });

  test('of an earlier run is no cancel of the new one', () => {
    const again = queued.when(cancelled(), retried());
    expect(again.answerTo(cancelled())).toMatchObject({ ok: true, events: [{ type: 'TaskWithdrawn' }] });
    const running = again.when(handedOut(), accepted());
    expect(running.task.status).toMatchObject({ phase: 'accepted' });
    expect(running.answerTo(expired('cancel-unanswered'))).toMatchObject({ refusal: { code: 'not-due' } });
    const done = running.when(reported(finished(threat('t1', 'resolved'))));
    expect(done.task.cancel).toMatchObject({ run: 1, outcome: 'withdrawn' });
  });
});

describe('acknowledge', () => {
  test('keeps who, when and the note, and a second one changes nothing', () => {
    const seen = queued.when(worked(finished(threat('t1', 'failed'))), acknowledged('on it'));
    expect(seen.task.acknowledged).toEqual({ at: seen.task.updatedAt, by: 'test', note: 'on it' });
    expect(seen.answerTo(acknowledged('again'))).toEqual({ ok: true, events: [] });
  });
});
