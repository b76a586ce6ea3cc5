import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import type { Host } from '../detections.ts';

/** What enrolment would have written. */
export async function addEndpoints(pool: Pool, hosts: readonly Host[]): Promise<void> {
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
