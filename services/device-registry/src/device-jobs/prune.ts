import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';

const ROWS_AT_ONCE = 5_000;
const LOOK_EVERY_MS = 60_000;
const PAUSE_MS = 500;

// Each deletes a bounded number of rows of jobs that have ended, or of uploads that never became one.
const prunings = [
  `DELETE FROM device_registry.import_chunk WHERE ctid = ANY (ARRAY(
     SELECT c.ctid FROM device_registry.import_chunk c LEFT JOIN device_registry.job j ON j.id = c.job_id
     WHERE j.finished_at IS NOT NULL OR (j.id IS NULL AND c.staged_at < clock_timestamp() - interval '1 day') LIMIT 200))`,
  `DELETE FROM device_registry.import_line WHERE ctid = ANY (ARRAY(
     SELECT ctid FROM device_registry.import_line WHERE job_id = (
       SELECT id FROM device_registry.job j WHERE finished_at IS NOT NULL
         AND EXISTS (SELECT FROM device_registry.import_line l WHERE l.job_id = j.id) LIMIT 1)
     LIMIT ${ROWS_AT_ONCE}))`,
  `DELETE FROM device_registry.bulk_target WHERE ctid = ANY (ARRAY(
     SELECT t.ctid FROM device_registry.bulk_target t LEFT JOIN device_registry.job j ON j.id = t.job_id
     WHERE j.id IS NULL OR j.finished_at IS NOT NULL LIMIT 200))`,
];

/** Deletes what jobs left behind, in short transactions. @returns how many rows went; 0 when nothing is left */
export async function pruneJobRows(pool: Pool): Promise<number> {
  let deleted = 0;
  for (const sql of prunings) deleted += (await pool.query(sql)).rowCount ?? 0;
  return deleted;
}

/** Looks for leftovers now and then, until it is aborted. */
export async function keepPruning(pool: Pool, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const deleted = await pruneJobRows(pool).catch((err: unknown) => {
      log.warn({ err }, 'rows of old jobs were not deleted');
      return 0;
    });
    await delay(deleted > 0 ? PAUSE_MS : LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
