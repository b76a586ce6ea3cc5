import { eventually } from '@quell/testing/eventually';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';
import { createNotifier } from './notify.ts';

let store: FreshStore;
beforeEach(async () => {
  store = await freshStore();
});
afterEach(() => store.close());

async function listen(): Promise<string[]> {
  const heard: string[] = [];
  const client = await store.connect();
  client.on('notification', ({ channel }) => heard.push(channel));
  await client.query('LISTEN es_events');
  return heard;
}

test('a burst becomes one hint at once and one at its end, and close sends the last', async () => {
  const heard = await listen();
  const notifier = createNotifier({ connection: { connectionString: store.url }, schema: 'es' });
  for (let i = 0; i < 1000; i++) notifier.notify();
  await eventually(() => heard.length === 2);
  notifier.notify();
  notifier.notify();
  await notifier.close();
  await eventually(() => heard.length >= 3);
  expect(heard.length).toBeLessThanOrEqual(4);
  expect(new Set(heard)).toEqual(new Set(['es_events']));
});

test('it goes on after its connection was ended', async () => {
  const heard = await listen();
  const notifier = createNotifier({
    connection: { connectionString: store.url },
    schema: 'es',
    intervalMilliseconds: 1,
  });
  notifier.notify();
  await eventually(() => heard.length === 1);
  await store.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'notify es' AND datname = current_database()`,
  );
  await eventually(() => {
    notifier.notify();
    return heard.length > 1;
  });
  await notifier.close();
});
