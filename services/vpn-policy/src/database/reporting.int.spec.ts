import { randomUUID } from 'node:crypto';
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

test('Grafana reads decisions by time, policy and outcome, and what stands unresolved, and nothing else', async () => {
  const [policyId, endpointId, standing, replaced] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  await database.pool.query(
    `INSERT INTO vpn_policy.decision (id, decided_at, device_id, policy_id, policy_version, chosen_by, dialect, decision, reason, inputs)
     SELECT gen_random_uuid(), '2026-01-02T03:04:05Z', 'd-1', $1, 2, 'default', 'apple', decision, 'RULE_MATCHED', '{"secret": 1}'
     FROM unnest(ARRAY['connect', 'connect', 'disconnect']) AS decision`,
    [policyId],
  );
  await database.pool.query(
    `INSERT INTO vpn_policy.task_posture (task_id, version, endpoint_id, endpoint, status, severity, threat_keys, acknowledged, run_opened_at, since)
     SELECT task_id, 1, $1, '{"deviceId": "d-1"}', 'incomplete-task', 4, '{a,b}', false, now(), now() FROM unnest($2::uuid[]) AS task_id`,
    [endpointId, [standing, replaced]],
  );
  await database.pool.query(
    `INSERT INTO vpn_policy.threat_task (endpoint_id, threat_key, task_id, run_opened_at) VALUES ($1, 'a', $2, now()), ($1, 'b', $2, now())`,
    [endpointId, standing],
  );

  expect(
    await grafana.query(
      `SELECT date_trunc('hour', decided_at) AS hour, policy_id, policy_version, decision, count(*)::int AS decisions
       FROM reporting.vpn_decisions GROUP BY 1, 2, 3, 4 ORDER BY 4`,
    ),
  ).toEqual(
    [
      { decision: 'connect', decisions: 2 },
      { decision: 'disconnect', decisions: 1 },
    ].map((row) => ({ hour: new Date('2026-01-02T03:00:00Z'), policy_id: policyId, policy_version: 2, ...row })),
  );
  expect(
    await grafana.query(
      'SELECT task_id, endpoint_id, device_id, status, severity, threats FROM reporting.standing_posture',
    ),
  ).toEqual([
    {
      task_id: standing,
      endpoint_id: endpointId,
      device_id: 'd-1',
      status: 'incomplete-task',
      severity: 4,
      threats: 2,
    },
  ]);
  await expect(grafana.query('SELECT inputs FROM vpn_policy.decision')).rejects.toThrow('permission denied');
});
