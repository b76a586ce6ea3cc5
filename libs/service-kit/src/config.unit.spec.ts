import { z } from 'zod';
import { ConfigError, readConfig, requireSafeBind, serviceEnvironment } from './config.ts';

const schema = serviceEnvironment.extend({ QUELL_SPEED: z.coerce.number().max(10).default(5) });
const good = { DATABASE_URL: 'postgres://u:p@127.0.0.1/db', KAFKA_BROKERS: 'a:1, b:2' };

test('what is set is parsed, and what is not has its default', () => {
  expect(readConfig(schema, { ...good, QUELL_PARENT_PIPE: '1', PORT: '', UNRELATED: 'x' })).toMatchObject({
    PORT: 0,
    KAFKA_BROKERS: ['a:1', 'b:2'],
    QUELL_PARENT_PIPE: true,
    QUELL_SPEED: 5,
  });
});

test('every missing or wrong variable is named, and no value is shown', () => {
  const read = () =>
    readConfig(schema, { DATABASE_URL: 'mysql://user:hunter2@h/db', QUELL_SPEED: '11', PORT: '70000' });
  expect(read).toThrow(ConfigError);
  for (const name of ['DATABASE_URL:', 'KAFKA_BROKERS is not set', 'QUELL_SPEED:', 'PORT:']) expect(read).toThrow(name);
  expect(read).not.toThrow('hunter2');
});

test('an empty variable counts as absent', () => {
  expect(() => readConfig(schema, { ...good, KAFKA_BROKERS: '' })).toThrow('KAFKA_BROKERS is not set');
});

test('a service that others can reach needs the word that its network is private', () => {
  const bind = (QUELL_BIND: string, more = {}) => requireSafeBind(readConfig(schema, { ...good, QUELL_BIND, ...more }));
  for (const own of ['', '127.0.0.1', '::1', 'localhost']) expect(() => bind(own)).not.toThrow();
  for (const open of ['0.0.0.0', '::', '10.0.0.7']) {
    expect(() => bind(open)).toThrow(/QUELL_BIND is .* QUELL_INSECURE=1/);
    expect(() => bind(open, { QUELL_INSECURE: '1' })).not.toThrow();
  }
});
