import type { ClientBase, Pool } from 'pg';
import type { ContextLine } from '../simulate/simulate.ts';

/** Lines that are kept, and worked through, together. */
export interface Part {
  readonly firstLine: number;
  readonly texts: readonly (string | undefined)[];
}

/** A line that was too long is kept as one that cannot be read. */
const TOO_LONG = '!';

export async function savePart(pool: Pool, jobId: string, n: number, { firstLine, texts }: Part): Promise<void> {
  const lines = Buffer.from(texts.map((text) => text ?? TOO_LONG).join('\n'));
  await pool.query('INSERT INTO vpn_policy.what_if_part (job_id, n, first_line, lines) VALUES ($1, $2, $3, $4)', [
    jobId,
    n,
    firstLine,
    lines,
  ]);
}

export async function loadPart(pool: Pool, jobId: string, n: number): Promise<Part | undefined> {
  const { rows } = await pool.query<{ first_line: number; lines: Buffer }>(
    'SELECT first_line, lines FROM vpn_policy.what_if_part WHERE job_id = $1 AND n = $2',
    [jobId, n],
  );
  const row = rows[0];
  return row && { firstLine: row.first_line, texts: row.lines.toString('utf8').split('\n') };
}

/** The parts before `n` are done with. */
export async function dropPartsBefore(on: Pick<ClientBase, 'query'>, jobId: string, n: number): Promise<void> {
  await on.query('DELETE FROM vpn_policy.what_if_part WHERE job_id = $1 AND n < $2', [jobId, n]);
}

/** Deletes some of what jobs that ended, and uploads that never became one, left behind. @returns how many rows */
export async function pruneParts(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query(
    `DELETE FROM vpn_policy.what_if_part WHERE ctid = ANY (ARRAY(
       SELECT p.ctid FROM vpn_policy.what_if_part p LEFT JOIN vpn_policy.job j ON j.id = p.job_id
       WHERE j.finished_at IS NOT NULL OR (j.id IS NULL AND p.staged_at < clock_timestamp() - interval '1 day') LIMIT 200))`,
  );
  return rowCount ?? 0;
}

export function linesOfPart({ firstLine, texts }: Part): ContextLine[] {
  return texts.map((text, index) => ({ line: firstLine + index, text }));
}
