import { versionRefusal } from './provision.ts';
import { lastWords, listeningUrl } from './service-process.ts';
import { readSettings } from './settings.ts';

test('without settings the launcher takes port 8080 on loopback', () => {
  expect(readSettings({ QUELL_PORT: '', DATABASE_URL: '' })).toMatchObject({ port: 8080, host: '127.0.0.1' });
  expect(readSettings({})).not.toHaveProperty('databaseUrl');
});

test.each([
  [{ QUELL_PORT: 'http' }, 'QUELL_PORT is "http"'],
  [{ QUELL_PORT: '65536' }, 'QUELL_PORT is "65536"'],
  [{ DATABASE_URL: 'mysql://here' }, 'DATABASE_URL is not a Postgres URL'],
  [{ KAFKA_BROKERS: 'localhost' }, 'KAFKA_BROKERS is "localhost"'],
  [{ QUELL_ADMIN_KEY: 'short' }, 'QUELL_ADMIN_KEY cannot be used'],
])('a setting that cannot be used is named: %j', (env, message) => {
  expect(() => readSettings(env)).toThrow(message);
});

test('a refused admin key is not printed', () => {
  expect(() => readSettings({ QUELL_ADMIN_KEY: 'hush hush hush hush' })).toThrow(/^(?!.*hush)/);
});

test('Postgres 17 is the oldest that is taken', () => {
  expect(versionRefusal(169999)).toContain('Postgres is version 16, and Quell needs 17 or newer');
  expect(versionRefusal(170000)).toBeUndefined();
});

test('the URL of a service is that of its listening line, whatever else it logs', () => {
  const log = [
    'not json "msg":"listening"',
    '{"msg":"migrated"}',
    '{"msg":"listening","url":"http://127.0.0.1:1"}',
    '',
  ];
  expect(listeningUrl(log.join('\n'))).toBe('http://127.0.0.1:1');
  expect(listeningUrl(log.slice(0, 2).join('\n'))).toBeUndefined();
  // A line that is still being written.
  expect(listeningUrl('{"msg":"listening","url":"http://127')).toBeUndefined();
});

test('the last words of a service are its message and the cause, or the line as it is', () => {
  expect(lastWords('{"msg":"the start failed","err":{"message":"no table"}}')).toBe('the start failed: no table');
  expect(lastWords('{"msg":"stopped"}')).toBe('stopped');
  expect(lastWords('SyntaxError: no')).toBe('SyntaxError: no');
});
