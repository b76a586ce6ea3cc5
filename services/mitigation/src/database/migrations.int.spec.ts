import { openDatabase } from '@quell/service-kit/database';
import { createLog } from '@quell/service-kit/log';
import { freshDatabase } from '@quell/testing/postgres';
import { entities, migrations } from './data-source.ts';
import { SCHEMA } from './schema.ts';

const log = createLog('test', 'silent');

async function migrated() {
  const fresh = await freshDatabase();
  const open = () =>
    openDatabase({ service: 'mitigation', url: fresh.url, schemas: [SCHEMA], migrations, entities, log });
  return { fresh, open, database: await open() };
}

test('the migrations run on an empty database, and a second start has nothing to do', async () => {
  const { fresh, open, database } = await migrated();
  const count = () =>
    database.pool.query('SELECT count(*)::int AS n FROM mitigation.migration').then(({ rows }) => rows[0].n);
  expect(await count()).toBe(migrations.length);
  await (await open()).close();
  expect(await count()).toBe(migrations.length);
  await database.close();
  await fresh.drop();
});

test('the entities describe the tables that the migrations made: TypeORM would change nothing', async () => {
  const { fresh, database } = await migrated();
  const drift = await database.dataSource.driver.createSchemaBuilder().log();
  expect(drift.upQueries.map(({ query }) => query)).toEqual([]);

  await database.pool.query('ALTER TABLE mitigation.task_view DROP COLUMN mode');
  const changed = await database.dataSource.driver.createSchemaBuilder().log();
  expect(changed.upQueries.map(({ query }) => query).join()).toContain('"mode"');
  await database.close();
  await fresh.drop();
});

test('one endpoint has one run that changes its state at a time', async () => {
  const { fresh, database } = await migrated();
  const endpointId = '00000000-0000-7000-8000-00000000000e';
  const insert = (taskId: string, phase: string, changesState: boolean) =>
    database.pool.query(
      `INSERT INTO mitigation.work (task_id, endpoint_id, kind, run, mode, phase, changes_state, priority, requested_at, not_before)
       VALUES ($1, $2, 'threat-mitigation', 1, 'mitigate', $3, $4, 0, now(), now())`,
      [taskId, endpointId, phase, changesState],
    );
  await insert('00000000-0000-7000-8000-000000000001', 'accepted', true);
  await insert('00000000-0000-7000-8000-000000000002', 'queued', true);
  await insert('00000000-0000-7000-8000-000000000003', 'dispatched', false);
  await expect(insert('00000000-0000-7000-8000-000000000004', 'dispatched', true)).rejects.toThrow(
    /work_one_changing_run/,
  );
  await database.close();
  await fresh.drop();
});
