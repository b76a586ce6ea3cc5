import { given } from './history.fixture.ts';
import {
  accepted,
  assessed,
  expired,
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

const outcomes = (task: { threats: readonly { id: string; outcome: string }[] }) =>
  Object.fromEntries(task.threats.map(({ id, outcome }) => [id, outcome]));
const targetIds = (task: { run: { payload: { targets: readonly { id: string }[] } } }) =>
  task.run.payload.targets.map(({ id }) => id);

const two = { targets: [target('t1'), target('t2')] };
const fault = { outcome: 'component-error' as const };
/** A target that says neither where nor what: the agent has to scan its roots. */
const nameless = { targets: [target('t1', {})] };

describe('threats merge by id over runs', () => {
  test('the last outcome wins, and what a run does not mention stays', () => {
    const { task } = given(opened('TM', two)).when(
      worked(finished(threat('t1', 'resolved'), threat('t2', 'failed'))),
      retried(),
      worked(finished(threat('t2', 'handled-by-security-software'))),
    );
    expect(outcomes(task)).toEqual({ t1: 'resolved', t2: 'handled-by-security-software' });
    expect(task.status.code).toBe('all-threats-resolved');
  });

  test.each(['resolved', 'handled-by-security-software', 'confirmed-safe'] as const)(
    'gone does not replace %s',
    (good) => {
      const { task } = given(opened('TM', two)).when(
        worked({ ...fault, threats: [threat('t1', good)] }),
        retried(),
        worked(finished(threat('t1', 'gone'), threat('t2', 'confirmed-safe'))),
      );
      expect(outcomes(task)).toEqual({ t1: good, t2: 'confirmed-safe' });
    },
  );

  test.each(['found', 'failed'] as const)('gone replaces %s', (bad) => {
    const { task } = given(opened('TM')).when(
      worked({ ...fault, threats: [threat('t1', bad)] }),
      retried(),
      worked(finished(threat('t1', 'gone'))),
    );
    expect(task.status.code).toBe('threat-no-longer-exists');
  });

  test('a threat that a finished scan had no room to list is not gone', () => {
    const { task } = given(opened('ODS-A')).when(
      worked(finished(threat('x', 'failed'))),
      retried(),
      worked({ ...finished(threat('y', 'resolved')), unlistedThreats: 1 }),
    );
    expect(outcomes(task)).toEqual({ x: 'failed', y: 'resolved' });
    expect(task.status.code).toBe('not-all-threats-resolved');
  });

  test('a threat that a finished scan no longer reports is gone, unless it had a good outcome', () => {
    const { task } = given(opened('ODS-A')).when(
      worked(finished(threat('x', 'failed'), threat('y', 'resolved'))),
      retried(),
      worked(finished()),
    );
    expect(outcomes(task)).toEqual({ x: 'gone', y: 'resolved' });
  });

  test('a scan that names targets looks at everything all the same', () => {
    const { task } = given(opened('ODS-A', { targets: [target('t1')] })).when(
      worked(finished(threat('t1', 'failed'), threat('x', 'failed'))),
      retried(),
      worked(finished(threat('t1', 'resolved'))),
    );
    expect(outcomes(task)).toEqual({ t1: 'resolved', x: 'gone' });
  });

  test('a scan that did not finish says nothing of the threats it does not mention', () => {
    const { task } = given(opened('ODS-A')).when(worked(finished(threat('x', 'failed'))), retried(), worked(fault));
    expect(outcomes(task)).toEqual({ x: 'failed' });
  });

  test('the threat of a restored item is found again, without what the mitigation said of it', () => {
    const { task } = given(opened('TM', two)).when(
      worked({
        ...resolvedWithBackup('t1', 't2'),
        threats: [threat('t1', 'resolved', { by: 'agent', action: 'quarantined' }), threat('t2', 'resolved')],
      }),
      rolledBack(),
      worked(restored({ id: 'b-t1', restored: true }, { id: 'b-t2', restored: false, reason: 'backup-missing' })),
    );
    expect(task.threats).toEqual([threat('t1', 'found'), threat('t2', 'resolved')]);
    expect(task.restorable.map(({ id }) => id)).toEqual(['b-t2']);
  });
});

describe('what a new run is handed', () => {
  test('a retry gets the threats without a good outcome, and those found beside the targets', () => {
    const { task } = given(opened('TM', two)).when(
      worked(finished(threat('t1', 'resolved'), threat('t2', 'failed'), threat('t3', 'failed'))),
      retried(),
    );
    expect(task.run.payload.targets).toEqual([target('t2'), target('t3')]);
  });

  test('a retry of a run that ended without a word gets every target', () => {
    const { task } = given(opened('TM', two)).when(handedOut(), accepted(), expired('run-clock'), retried());
    expect(targetIds(task)).toEqual(['t1', 't2']);
  });

  test('Run Cleanup gets what the assessment found, and not what it found to be safe', () => {
    const { task } = given(opened('TM', { ...two, assessFirst: true })).when(
      worked(assessed(threat('t1', 'found'), threat('t2', 'confirmed-safe'))),
      ranCleanup(),
    );
    expect(targetIds(task)).toEqual(['t1']);
  });

  test('a scan is handed out whole', () => {
    const first = given(opened('ODS-A')).when(worked(finished(threat('x', 'failed'))));
    expect(first.when(retried()).task.run.payload).toEqual(first.task.run.payload);
  });

  test('a retry after a fault that reported every threat as dealt with repeats the run', () => {
    const { task } = given(opened('TM')).when(worked({ ...fault, threats: [threat('t1', 'resolved')] }), retried());
    expect(targetIds(task)).toEqual(['t1']);
  });
});

describe.each([
  ['no target', { targets: [] }],
  ['a target without path or hash', nameless],
])('threat mitigation with %s scans the roots', (_, options) => {
  test('nothing found is no threat found', () => {
    expect(given(opened('TM', options)).when(worked(finished())).task.status).toEqual({ code: 'no-threat-found' });
  });

  test('a threat that its scan found counts as any other', () => {
    const { task } = given(opened('TM', options)).when(worked(finished(threat('x', 'resolved'))));
    expect(task.status.code).toBe('all-threats-resolved');
  });

  test('a retry after an unfinished scan scans the roots again', () => {
    const first = given(opened('TM', options)).when(worked({ ...fault, threats: [threat('x', 'failed')] }));
    const again = first.when(retried());
    expect(again.task.run.payload).toEqual(first.task.run.payload);
    expect(outcomes(again.when(worked(finished())).task)).toEqual({ x: 'gone' });
  });

  test('a retry after a finished scan gets only what failed', () => {
    const { task } = given(opened('TM', options)).when(
      worked(finished(threat('x', 'failed'), threat('y', 'resolved'))),
      retried(),
    );
    expect(targetIds(task)).toEqual(['x']);
  });

  test('Run Cleanup gets what its assessment found, and has to answer it', () => {
    const history = given(opened('TM', { ...options, assessFirst: true })).when(
      worked(assessed({ id: 'x', name: 'a service', outcome: 'found' })),
      ranCleanup(),
    );
    expect(targetIds(history.task)).toEqual(['x']);
    const answer = history.when(handedOut(), accepted()).answerTo(reported(finished()));
    expect(answer).toMatchObject({ code: 422, errors: [{ pointer: '/threats' }] });
  });
});

test('an assessment of the roots says of a threat it no longer finds that it is gone', () => {
  const { task } = given(opened('TM', { targets: [], assessFirst: true })).when(
    worked({ ...fault, threats: [threat('x', 'found')] }),
    retried(),
    worked(assessed()),
  );
  expect(task.status.code).toBe('threat-no-longer-exists');
});
