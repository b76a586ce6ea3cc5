import { pino } from 'pino';
import { Health } from './health.ts';
import { Lifecycle } from './lifecycle.ts';

const log = pino({ level: 'silent' });

test('a report has every check by name: ok, its own reason, or failed without the reason of an exception', async () => {
  const health = new Health(log);
  health.addReadyCheck('postgres', async () => undefined);
  health.addReadyCheck('consumer', () => 'joining');
  health.addReadyCheck('kafka', () => {
    throw new Error('password is hunter2');
  });
  expect(await health.report('ready')).toEqual({
    ok: false,
    checks: { postgres: 'ok', consumer: 'joining', kafka: 'failed' },
  });
  expect(await health.report('live')).toEqual({ ok: true, checks: {} });
});

test('probes that come together ask the servers once', async () => {
  const health = new Health(log);
  let asked = 0;
  health.addLiveCheck('consumer', () => {
    asked++;
  });
  await Promise.all([health.report('live'), health.report('live'), health.report('live')]);
  expect(asked).toBe(1);
});

test('a stop runs its phases in order, the last registered first, past a step that fails, and only once', async () => {
  const lifecycle = new Lifecycle(log);
  const ran: string[] = [];
  const step = (name: string) => () => {
    ran.push(`${name}${lifecycle.stopping ? '' : ' too early'}`);
  };
  lifecycle.onStop('resources', 'postgres', step('postgres'));
  lifecycle.onStop('resources', 'kafka', step('kafka'));
  lifecycle.onStop('http', 'server', step('server'));
  lifecycle.onStop('held-requests', 'polls', () => Promise.reject(new Error('no')));
  lifecycle.onStop('consumers', 'detections', step('detections'));
  await Promise.all([lifecycle.stop('one'), lifecycle.stop('two')]);
  expect(ran).toEqual(['detections', 'server', 'kafka', 'postgres']);
});
