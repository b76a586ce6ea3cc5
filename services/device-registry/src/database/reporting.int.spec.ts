import { randomUUID } from 'node:crypto';
import { type GrafanaReader, grafanaReader } from '@quell/testing/grafana-reader';
import { changeDevices } from '../device-store/change-devices.ts';
import { type TestDatabase, testDatabase } from './test-database.fixture.ts';

let database: TestDatabase;
let grafana: GrafanaReader;
beforeAll(async () => {
  database = await testDatabase();
  grafana = await grafanaReader(database.fresh.url);
});
afterAll(async () => {
  await grafana.drop();
  await database.drop();
});

test('Grafana reads devices with their last contact, and jobs with their progress, and nothing else', async () => {
  const facts = { model: 'nPP16 D', platform: 'linux' as const, group: 'hall', capabilities: ['relay' as const] };
  const change = {
    deviceId: 'd-1',
    command: { kind: 'bring' as const, facts, source: 'import' as const },
    causeId: randomUUID(),
  };
  await changeDevices(database.pool, [change], { actor: 'test', correlationId: randomUUID(), occurredAt: new Date() });
  await database.pool.query(
    `INSERT INTO device_registry.device_seen (device_id, last_seen_at) VALUES ('d-1', '2026-01-02T03:04:05Z')`,
  );
  await database.pool.query(
    `INSERT INTO device_registry.job (id, kind, state, input, progress, created_by)
     VALUES (gen_random_uuid(), 'device-bulk', 'running', '{}', '{"done": 3, "total": 5, "failed": 1}', 'key:test')`,
  );

  expect(
    await grafana.query(
      `SELECT group_name, platform, model, unnest(capabilities) AS capability, count(*)::int AS devices, max(last_seen_at) AS seen
       FROM reporting.devices WHERE retired_at IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 4`,
    ),
  ).toEqual(
    ['dimming-or-relay', 'relay'].map((capability) => ({
      group_name: 'hall',
      platform: 'linux',
      model: 'nPP16 D',
      capability,
      devices: 1,
      seen: new Date('2026-01-02T03:04:05Z'),
    })),
  );
  expect(await grafana.query('SELECT kind, state, done, total, failed FROM reporting.device_jobs')).toEqual([
    { kind: 'device-bulk', state: 'running', done: 3, total: 5, failed: 1 },
  ]);
  await expect(grafana.query('SELECT id FROM device_registry.device')).rejects.toThrow('permission denied');
});
