import { entities, migrations } from '@quell/mitigation/database/data-source';
import { SCHEMA } from '@quell/mitigation/database/schema';
import { openDatabase } from '@quell/service-kit/database';
import { createLog } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import type { Host } from '../detections.ts';
import type { Servers } from '../servers.ts';
import { addEndpoints } from './endpoints.ts';

/** A database of mitigation as its own migrations make it, with endpoints that run an agent each. */
export interface MitigationDatabase {
  readonly pool: Pool;
  close(): Promise<void>;
}

export async function openMitigationDatabase(servers: Servers, hosts: readonly Host[]): Promise<MitigationDatabase> {
  const fresh = await servers.createDatabase();
  const log = createLog('bench', 'silent');
  const database = await openDatabase({
    service: 'mitigation',
    url: fresh.url,
    schemas: [SCHEMA],
    migrations,
    entities,
    log,
  });
  await addEndpoints(database.pool, hosts);
  return {
    pool: database.pool,
    async close() {
      await database.close();
      await fresh.drop();
    },
  };
}
