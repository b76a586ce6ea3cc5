import type { DeviceQuery } from '@quell/contracts/device-query';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { eachDevice } from '../device-store/each-device.ts';

/** Ids kept in one row. */
const PART = 1_000;

/**
 * Finds the devices of a job as they are at one moment and keeps their ids in parts, from 0, under a selection of this attempt: another one,
 * whose replica was taken for dead and goes on, has its own. What is left of it goes when the job has ended.
 */
export async function fixTargets(
  pools: { readonly pool: Pool; readonly longReads: Pool },
  jobId: string,
  query: DeviceQuery,
  signal: AbortSignal,
): Promise<{ readonly selection: string; readonly total: number }> {
  const selection = uuidv7();
  let parts = 0;
  let total = 0;
  let held: string[] = [];
  const keep = async (ids: readonly string[]) => {
    await pools.pool.query(
      'INSERT INTO device_registry.bulk_target (job_id, selection, n, device_ids) VALUES ($1, $2, $3, $4)',
      [jobId, selection, parts++, ids],
    );
  };
  for await (const rows of eachDevice(pools.longReads, query, signal)) {
    total += rows.length;
    held.push(...rows.map(({ id }) => id));
    for (; held.length >= PART; held = held.slice(PART)) await keep(held.slice(0, PART));
  }
  if (held.length > 0) await keep(held);
  return { selection, total };
}

/** Part `n` of a job's devices, of one selection where its checkpoint has one; none behind the last one. */
export async function targetsOf(
  pool: Pool,
  jobId: string,
  selection: string | undefined,
  n: number,
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ device_ids: string[] }>(
    `SELECT device_ids FROM device_registry.bulk_target WHERE job_id = $1 AND n = $2 AND ($3::uuid IS NULL OR selection = $3)
     ORDER BY selection NULLS FIRST LIMIT 1`,
    [jobId, n, selection],
  );
  return rows[0]?.device_ids ?? [];
}
