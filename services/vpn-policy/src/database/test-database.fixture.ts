import { type Database, openDatabase } from '@quell/service-kit/database';
import { createLog } from '@quell/service-kit/log';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import { migrations } from './data-source.ts';
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
    service: 'vpn-policy',
    url: fresh.url,
    schemas: [SCHEMA],
    migrations,
    reportingViews,
    log,
    poolSize: 5,
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
