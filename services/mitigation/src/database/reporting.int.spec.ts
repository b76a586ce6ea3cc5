import { type GrafanaReader, grafanaReader } from '@quell/testing/grafana-reader';
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

test('Grafana reads tasks by status, and nothing else', async () => {
  await database.pool.query(
    `INSERT INTO mitigation.task_view (task_id, kind, initiator, severity, endpoint_id, status_code, status_group, action_required, run, mode,
       attempt, detection_count, opened_at, updated_at, version, state)
     SELECT gen_random_uuid(), 'threat-mitigation', 'system', 4, gen_random_uuid(), code, 'resolved', false, 1, 'mitigate', 1, 1, now(), now(), 1, '{}'
     FROM unnest(ARRAY['all-threats-resolved', 'all-threats-resolved', 'incomplete-task']) AS code`,
  );
  expect(
    await grafana.query('SELECT status_code, count(*)::int AS tasks FROM reporting.tasks GROUP BY 1 ORDER BY 1'),
  ).toEqual([
    { status_code: 'all-threats-resolved', tasks: 2 },
    { status_code: 'incomplete-task', tasks: 1 },
  ]);
  await expect(grafana.query('SELECT state FROM mitigation.task_view')).rejects.toThrow('permission denied');
});
