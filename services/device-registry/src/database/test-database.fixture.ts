import { type Database, openDatabase } from '@quell/service-kit/database';
import { createLog } from '@quell/service-kit/log';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import { migrations } from './migrations.ts';
import { reportingViews } from './reporting-views.ts';
import { SCHEMA } from './schema.ts';

/** An empty database of this service, for one test file. */
export interface TestDatabase extends Database {
  readonly fresh: FreshDatabase;
  drop(): Promise<void>;
}

export async function testDatabase(): Promise<TestDatabase> {
  const fresh = await freshDatabase();
  const log = createLog('test', 'silent');
  const database = await openDatabase({
    service: 'device-registry',
    url: fresh.url,
    schemas: [SCHEMA],
    migrations,
    reportingViews,
    log,
  });
  return {
    ...database,
    fresh,
    drop: async () => {
      await database.close();
      await fresh.drop();
    },
  };
}
