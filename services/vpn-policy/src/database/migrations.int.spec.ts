import { openDatabase } from '@quell/service-kit/database';
import { createLog } from '@quell/service-kit/log';
import { freshDatabase } from '@quell/testing/postgres';
import { migrations } from './data-source.ts';
import { SCHEMA } from './schema.ts';

test('the migrations run on an empty database, and a second start has nothing to do', async () => {
  const fresh = await freshDatabase();
  const log = createLog('test', 'silent');
  const open = () => openDatabase({ service: 'vpn-policy', url: fresh.url, schemas: [SCHEMA], migrations, log });
  const database = await open();
  const count = async () =>
    (await database.pool.query('SELECT count(*)::int AS n FROM vpn_policy.migration')).rows[0].n;
  expect(await count()).toBe(migrations.length);
  await (await open()).close();
  expect(await count()).toBe(migrations.length);
  await database.close();
  await fresh.drop();
});
