import { randomBytes } from 'node:crypto';
import { entities, migrations } from '@quell/mitigation/database/data-source';
import { SCHEMA } from '@quell/mitigation/database/schema';
import { openDatabase } from '@quell/service-kit/database';
import { createLog } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import type { Servers } from '../servers.ts';
import type { Host } from './detections.ts';

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

/** What enrolment would have written. */
async function addEndpoints(pool: Pool, hosts: readonly Host[]): Promise<void> {
  const agentIds = hosts.map(() => randomBytes(32).toString('base64url'));
  const columns = [agentIds, hosts.map(({ hostname }) => hostname), hosts.map(({ ip }) => ip)];
  await pool.query(
    `WITH given AS (SELECT gen_random_uuid() AS endpoint_id, * FROM unnest($1::text[], $2::text[], $3::text[]) AS g (agent_id, hostname, ip)),
     endpoints AS (
       INSERT INTO mitigation.endpoint (endpoint_id, agent_id, hostname, ips, platform)
       SELECT endpoint_id, agent_id, hostname, ARRAY[ip], 'linux' FROM given RETURNING endpoint_id)
     SELECT count(*) FROM endpoints`,
    columns,
  );
  await pool.query(
    `INSERT INTO mitigation.agent (agent_id, public_key, endpoint_id, enrolment_id, status)
     SELECT agent_id, '{}', endpoint_id, gen_random_uuid(), 'active' FROM mitigation.endpoint`,
  );
  await pool.query(
    `INSERT INTO mitigation.host_interval (endpoint_id, kind, value, held_from)
     SELECT endpoint_id, 'hostname', hostname, now() - interval '30 days' FROM mitigation.endpoint
     UNION ALL SELECT endpoint_id, 'ip', ips[1], now() - interval '30 days' FROM mitigation.endpoint`,
  );
  await analyse(pool);
}

/** What autovacuum would have done by then. */
export async function analyse(pool: Pool): Promise<void> {
  // The pool's connections may not work longer than a transaction of the service.
  const client = await pool.connect();
  try {
    await client.query('SET transaction_timeout = 0');
    await client.query('VACUUM ANALYZE');
  } finally {
    client.release(true);
  }
}
