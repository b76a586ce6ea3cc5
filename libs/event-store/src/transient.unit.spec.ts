import { isContentState, isTimeout, isTransient, sqlStateOf } from './transient.ts';

const sqlError = (code: string) => Object.assign(new Error('from Postgres'), { code });

test.each(['08006', '25P03', '25P04', '40001', '40P01', '53300', '55P03', '57014', '57P01', '58030'])(
  'SQLSTATE %s is transient',
  (code) => {
    expect(isTransient(sqlError(code))).toBe(true);
  },
);

test.each(['22P02', '23505', '25001', '25P02', '42P01', '55000', 'ES001', 'ES002', 'P0001'])(
  'SQLSTATE %s is not',
  (code) => {
    expect(isTransient(sqlError(code))).toBe(false);
  },
);

test.each([
  Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
  Object.assign(new Error('write'), { code: 'EPIPE' }),
  new AggregateError([Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })]),
  new Error('Connection terminated unexpectedly'),
  new Error('Client has encountered a connection error and is not queryable'),
])('a lost or refused connection is transient: %s', (error) => {
  expect(isTransient(error)).toBe(true);
});

test('what TypeORM or a cause wraps is judged by what it wraps', () => {
  expect(isTransient(Object.assign(new Error('QueryFailedError'), { driverError: sqlError('40001') }))).toBe(true);
  expect(sqlStateOf(new Error('outer', { cause: sqlError('23505') }))).toBe('23505');
});

test.each([undefined, null, 'Connection terminated', new TypeError('x is not a function')])(
  '%s is not transient',
  (error) => {
    expect(isTransient(error)).toBe(false);
  },
);

test('a Unix socket that is away is transient, a file that is away is not', () => {
  const missing = (syscall: string) => Object.assign(new Error(syscall), { code: 'ENOENT', syscall });
  expect(isTransient(missing('connect'))).toBe(true);
  expect(isTransient(missing('open'))).toBe(false);
});

test.each(['22003', '22008', '22021', '22P02', '22P05', '23502', '23514', '54000', 'P0001'])(
  'SQLSTATE %s is about the data that was given',
  (code) => {
    expect(isContentState(sqlError(code))).toBe(true);
    expect(isContentState(new Error('outer', { cause: sqlError(code) }))).toBe(true);
  },
);

test.each(['08006', '25006', '25P04', '28P01', '40001', '42501', '42P01', '57014', 'ES001', 'XX000'])(
  'SQLSTATE %s is not about the data that was given',
  (code) => {
    expect(isContentState(sqlError(code))).toBe(false);
  },
);

test('timeouts are told apart, for they may pass with less work', () => {
  expect(['25P03', '25P04', '57014', '40001'].map((code) => isTimeout(sqlError(code)))).toEqual([
    true,
    true,
    true,
    false,
  ]);
});
