import { detectionListQuery } from '@quell/contracts/detection-api';
import { taskListQuery } from '@quell/contracts/task-api';
import type { Pool } from 'pg';
import { listAgents } from '../agents/list-agents.ts';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { listDetections } from '../detections/list-detections.ts';
import { listTasks } from './list-tasks.ts';

// Which rows a list reads, not how long it takes: a filter without an index that fits reads them all.

const ROWS = 20_000;
/** A page has 50, of which one in fifty rows may be wanted: then a walk in the list's order is as good as an index. */
const MOST_READ = 3000;
const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const ID = (expression: string) => `('00000000-0000-4000-8000-' || lpad((${expression})::text, 12, '0'))::uuid`;

const FILL = [
  `INSERT INTO mitigation.endpoint (endpoint_id, agent_id, device_id, hostname)
   SELECT ${ID('n')}, 'agent-' || n, 'device-' || n, 'Host-' || n FROM generate_series(1, ${ROWS / 4}) n`,
  `INSERT INTO mitigation.agent (agent_id, public_key, endpoint_id, enrolment_id, status, enrolled_at)
   SELECT 'agent-' || n, '{}', ${ID('n')}, ${ID('n')}, 'active', now() - make_interval(secs => n) FROM generate_series(1, ${ROWS / 4}) n`,
  `INSERT INTO mitigation.task_view (task_id, kind, initiator, severity, endpoint_id, hostname, device_id, agent_id, status_code,
     status_group, action_required, run, mode, attempt, detection_count, opened_at, updated_at, version, state)
   SELECT ${ID('n')}, CASE WHEN n % 100 = 0 THEN 'on-demand-scan' ELSE 'threat-mitigation' END, 'source',
     CASE WHEN n % 100 = 0 THEN 6 ELSE 3 END, ${ID('n / 4 + 1')}, 'Host-' || n / 4, 'device-' || n / 4, 'agent-' || n / 4,
     CASE n % 100 WHEN 0 THEN 'mitigation-timeout' WHEN 1 THEN 'incomplete-task' ELSE 'all-threats-resolved' END,
     'resolved', n % 100 < 2, 1, 'mitigate', 1, 1, now(), now() - make_interval(secs => n), 1, '{}'
   FROM generate_series(1, ${ROWS}) n`,
  `INSERT INTO mitigation.detection (detection_id, event_ids, source, source_id, detected_at, received_at, severity, disposition,
     task_id, content)
   SELECT ${ID('n')}, '{}', CASE WHEN n % 100 = 0 THEN 'rare' ELSE 'edr' END, n::text, now(), now() - make_interval(secs => n), 3,
     CASE WHEN n % 100 = 0 THEN 'unresolved' ELSE 'task' END, CASE WHEN n % 100 > 0 THEN ${ID('n / 4')} END,
     '{"severity":3,"endpoint":{},"threat":{"name":"x"}}'
   FROM generate_series(1, ${ROWS}) n`,
  'ANALYZE mitigation.endpoint, mitigation.agent, mitigation.task_view, mitigation.detection',
];

interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

let database: TestDatabase;
const seen: { sql: string; parameters: unknown[] }[] = [];
beforeAll(async () => {
  database = await testDatabase();
  for (const statement of FILL) await database.pool.query(statement);
  const none = () => {};
  const logQuery = (sql: string, parameters: unknown[] = []) => void seen.push({ sql, parameters });
  database.dataSource.setOptions({
    logger: { logQuery, logQueryError: none, logQuerySlow: none, logSchemaBuild: none, logMigration: none, log: none },
  });
}, 60_000);
afterAll(() => database.drop());

/** Every row that a node took from a table, whether it was wanted or not. */
function rowsRead(node: PlanNode): number {
  const own =
    node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  const below = (node.Plans ?? []).reduce((sum, plan) => sum + rowsRead(plan), 0);
  return below + (node['Relation Name'] === undefined ? 0 : own * node['Actual Loops']);
}

async function readBy(list: () => Promise<unknown>): Promise<number> {
  seen.length = 0;
  await list();
  const queries = [...seen];
  expect(queries).toHaveLength(1);
  const { sql, parameters } = queries[0]!;
  const { rows } = await database.pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, parameters);
  return rowsRead(rows[0]['QUERY PLAN'][0].Plan);
}

const noted = (): Pool =>
  Object.assign(Object.create(database.pool), {
    query: (sql: string, parameters: unknown[]) => {
      seen.push({ sql, parameters });
      return database.pool.query(sql, parameters);
    },
  });

const endpoints = [
  { endpoint: idOf(77) },
  { endpoint: 'agent-77' },
  { endpoint: 'device-77' },
  { endpoint: 'HOST-77.' },
  { endpoint: 'nobody' },
];

test.each([
  {},
  ...endpoints,
  { status: 'mitigation-timeout' },
  { status: ['mitigation-timeout', 'incomplete-task'] },
  { status: 'all-threats-resolved' },
  { status: 'agent-component-error' },
  { kind: 'on-demand-scan' },
  { severity: '6' },
  { actionRequired: 'true' },
  { actionRequired: 'false' },
  { since: new Date(Date.now() - 100_000).toISOString() },
  { kind: 'threat-mitigation', endpoint: 'device-77' },
])('the list of tasks by %j does not read the whole table', async (filters) => {
  const query = taskListQuery.parse({ limit: 50, ...filters });
  // The rows hold no tasks to show: what is read of them is all that matters here.
  expect(await readBy(() => listTasks(database.dataSource, query).catch(() => {}))).toBeLessThan(MOST_READ);
});

test.each([
  {},
  { source: 'rare' },
  { source: 'edr' },
  { source: 'nobody' },
  { taskId: idOf(77) },
  { taskId: idOf(0) },
  { disposition: 'unresolved' },
  { disposition: ['unresolved', 'recorded'] },
  { disposition: 'dead-letter' },
  { disposition: 'task' },
  { since: new Date(Date.now() - 100_000).toISOString() },
])('the list of detections by %j does not read the whole table', async (filters) => {
  const query = detectionListQuery.parse({ limit: 50, ...filters });
  expect(await readBy(() => listDetections(database.dataSource, query))).toBeLessThan(MOST_READ);
});

test.each([{}, ...endpoints])('the list of agents by %j does not read the whole table', async (filters) => {
  expect(await readBy(() => listAgents(noted(), { limit: 50, ...filters }))).toBeLessThan(MOST_READ);
});
