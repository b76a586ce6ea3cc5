import { mitigationPolicy } from '@quell/contracts/mitigation-policy';
import { InboxFenced } from '@quell/service-kit/inbox';
import { deciding } from '../task/undecidable.ts';
import { TaskConflict } from '../task-store/conflict.ts';
import { classify } from './classify.ts';

const sqlError = (code: string) => Object.assign(new Error('from Postgres'), { code });
const thrownBy = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test.each(['22021', '22008', '22P05', '23502', '23514', '54000', 'P0001'])(
  'SQLSTATE %s is blamed on the message',
  (code) => {
    expect(classify(sqlError(code))).toBe('content');
  },
);

test.each(['08006', '25006', '28P01', '40001', '42501', '42P01', '42703', '53300', '57P01', '58030', 'ES001', 'XX000'])(
  'SQLSTATE %s is waited out',
  (code) => {
    expect(classify(sqlError(code))).toBe('transient');
  },
);

test('a policy that cannot be read, a bug of ours and a lost connection are waited out', () => {
  expect(classify(thrownBy(() => mitigationPolicy.parse({ cleanup: 'never' })))).toBe('transient');
  expect(classify(new TypeError('x is not a function'))).toBe('transient');
  expect(classify(new Error('Connection terminated unexpectedly'))).toBe('transient');
});

test('what the pure decision on the messages throws is blamed on them', () => {
  const error = thrownBy(() =>
    deciding(() => {
      throw new TypeError('x is not a function');
    }),
  );
  expect(classify(error)).toBe('content');
  expect(String(error)).toContain('x is not a function');
});

test('conflicts, timeouts and the loss of a partition are told apart', () => {
  expect([
    classify(new TaskConflict('moved on')),
    classify(sqlError('23505')),
    classify(sqlError('25P04')),
    classify(sqlError('57014')),
    classify(new InboxFenced('moved on')),
  ]).toEqual(['conflict', 'conflict', 'timeout', 'timeout', 'fenced']);
});
