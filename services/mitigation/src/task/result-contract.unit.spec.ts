import { given } from './history.fixture.ts';
import {
  accepted,
  assessed,
  backup,
  type Column,
  cancelled,
  expired,
  finished,
  handedOut,
  opened,
  reported,
  resolvedWithBackup,
  restored,
  rolledBack,
  target,
  threat,
  worked,
} from './steps.fixture.ts';

// What a result must contain to be taken. A result that does not fit is answered 422 and ends the run as an agent component error.

const running = (column: Column, options?: Parameters<typeof opened>[1]) =>
  given(opened(column, options)).when(handedOut(), accepted());
const rollingBack = () =>
  given(opened('TM', { targets: [target('t1'), target('t2')] })).when(
    worked(resolvedWithBackup('t1', 't2')),
    rolledBack(),
    handedOut(),
    accepted(),
  );

test.each<[string, string, Column, object]>([
  [
    'a finished run that leaves a threat as found',
    '/threats/1/outcome',
    'TM',
    finished(threat('t1', 'resolved'), threat('t2', 'found')),
  ],
  ['a finished run that does not answer its target', '/threats', 'TM', finished(threat('t9', 'resolved'))],
  ['a threat left by a user who is never asked', '/threats/0/outcome', 'TM', finished(threat('t1', 'left-by-user'))],
  ['a threat left in an administrator’s scan', '/threats/0/outcome', 'ODS-A', finished(threat('x', 'left-by-user'))],
  [
    'a threat left by a user who is never asked, in a fault',
    '/threats/0/outcome',
    'TM',
    { outcome: 'component-error', threats: [threat('t1', 'left-by-user')] },
  ],
  [
    'a threat reported with two outcomes, which could hide a failure',
    '/threats/2/outcome',
    'TM',
    finished(threat('t1', 'failed'), threat('x', 'resolved'), threat('t1', 'resolved')),
  ],
  [
    'rollback items of a run that rolls nothing back',
    '/items',
    'TM',
    { ...finished(threat('t1', 'resolved')), items: [{ id: 'b', restored: true }] },
  ],
  [
    'rollback items of a fault in a run that rolls nothing back',
    '/items',
    'TM',
    { outcome: 'component-error', items: [{ id: 'b', restored: true }] },
  ],
  ['an outcome of another mode', '/outcome', 'TM', assessed(threat('t1', 'found'))],
  ['a stop that nobody asked for', '/outcome', 'TM', { outcome: 'stopped' }],
  ['an outcome that does not exist', '/outcome', 'TM', { outcome: 'fixed' }],
  [
    'a threat without a name',
    '/threats/0/name',
    'TM',
    { outcome: 'finished', threats: [{ id: 't1', outcome: 'gone' }] },
  ],
  ['a member that the contract does not know', '', 'TM', { outcome: 'finished', color: 'red' }],
  ['something that is no object', '', 'TM', 'done' as never],
])('%s is refused at "%s"', (_, pointer, column, data) => {
  const before = running(column);
  const answer = before.answerTo(reported(data));
  expect(answer).toMatchObject({ code: 422, errors: [{ pointer }] });
  const { task } = before.when(reported(data));
  expect(task.status).toMatchObject({ code: 'agent-component-error', rejected: { pointer } });
  expect(task.threats).toEqual([]);
  expect(task.restorable).toEqual([]);
});

test('backups of an assessment, which changes nothing, are refused', () => {
  const history = running('TM', { assessFirst: true });
  const data = { ...assessed(threat('t1', 'found')), backups: [backup('b', 't1')] };
  expect(history.answerTo(reported(data))).toMatchObject({ code: 422, errors: [{ pointer: '/backups' }] });
});

test('backups of a rollback are refused', () => {
  const data = {
    ...restored({ id: 'b-t1', restored: true }, { id: 'b-t2', restored: true }),
    backups: [backup('b', 't1')],
  };
  expect(rollingBack().answerTo(reported(data))).toMatchObject({ code: 422, errors: [{ pointer: '/backups' }] });
});

test.each<[string, string, object]>([
  [
    'an item that was not handed out',
    '/items/2/id',
    restored({ id: 'b-t1', restored: true }, { id: 'b-t2', restored: true }, { id: 'b-t3', restored: true }),
  ],
  ['an item without an answer', '/items', restored({ id: 'b-t1', restored: true })],
  [
    'an item answered twice',
    '/items/1/id',
    restored({ id: 'b-t1', restored: true }, { id: 'b-t1', restored: false }, { id: 'b-t2', restored: true }),
  ],
  ['no items at all', '/items', { outcome: 'rolled-back' }],
  [
    'an item that was not handed out, in a fault',
    '/items/0/id',
    { outcome: 'component-error', items: [{ id: 'b-t3', restored: true }] },
  ],
])('a rollback with %s is refused at "%s"', (_, pointer, data) => {
  const history = rollingBack();
  expect(history.answerTo(reported(data))).toMatchObject({ code: 422, errors: [{ pointer }] });
  expect(history.when(reported(data)).task.restorable.map(({ id }) => id)).toEqual(['b-t1', 'b-t2']);
});

test('a fault in a rollback may name the items it still restored', () => {
  const data = { outcome: 'component-error', items: [{ id: 'b-t1', restored: true }] };
  const { task } = rollingBack().when(reported(data));
  expect(task.status.code).toBe('agent-component-error');
  expect(task.restorable.map(({ id }) => id)).toEqual(['b-t2']);
  expect(task.threats).toMatchObject([
    { id: 't1', outcome: 'found' },
    { id: 't2', outcome: 'resolved' },
  ]);
});

test('a stop that was asked for an earlier run does not allow this run to be stopped', () => {
  const history = running('TM').when(cancelled(), expired('cancel-unanswered'));
  const again = history.when(
    {
      take: () => ({
        ok: true,
        events: [{ type: 'RunOpened', data: { ...history.task.run, run: 2, cause: 'retry' } }],
      }),
    },
    handedOut(),
  );
  expect(again.answerTo(reported({ outcome: 'stopped' }))).toMatchObject({ code: 422 });
});

test('a late result that does not fit is answered 422 and changes nothing', () => {
  const history = running('TM').when(expired('run-clock'));
  expect(history.answerTo(reported(finished()))).toMatchObject({ code: 422, events: [] });
});

test('a threat may be reported twice with the same outcome', () => {
  const { task } = running('TM').when(reported(finished(threat('t1', 'resolved'), threat('t1', 'resolved'))));
  expect(task.threats).toEqual([threat('t1', 'resolved')]);
});

test('an upper-case SHA-256 is recorded in lower case', () => {
  const { task } = running('TM').when(reported(finished(threat('t1', 'resolved', { sha256: 'AB'.repeat(32) }))));
  expect(task.threats[0]?.sha256).toBe('ab'.repeat(32));
});
