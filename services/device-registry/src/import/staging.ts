import { uuidArray } from '@quell/event-store/array-parameters';
import type { ClientBase } from 'pg';
import { streamIdOf } from '../device-store/stream.ts';
import type { GivenDevice } from './read-lines.ts';
import type { SourceRecord } from './records.ts';

type Queryable = Pick<ClientBase, 'query'>;

/** Keeps part `n` of an upload, from 0, for the job that will have this id. */
export async function stage(db: Queryable, jobId: string, n: number, records: readonly SourceRecord[]): Promise<void> {
  await db.query('INSERT INTO device_registry.import_chunk (job_id, n, records) VALUES ($1, $2, $3)', [
    jobId,
    n,
    JSON.stringify(records),
  ]);
}

/** Part `n` of an upload; undefined behind the last one. */
export async function staged(db: Queryable, jobId: string, n: number): Promise<SourceRecord[] | undefined> {
  const { rows } = await db.query<{ records: SourceRecord[] }>(
    'SELECT records FROM device_registry.import_chunk WHERE job_id = $1 AND n = $2',
    [jobId, n],
  );
  return rows[0]?.records;
}

/** Forgets the parts of an upload before `n`: they were worked through. */
export async function unstage(db: Queryable, jobId: string, n: number): Promise<void> {
  await db.query('DELETE FROM device_registry.import_chunk WHERE job_id = $1 AND n < $2', [jobId, n]);
}

/** Which of these ids the job has had before, each with its line. */
export async function earlierLines(db: Queryable, jobId: string, ids: readonly string[]): Promise<Map<string, number>> {
  const byStream = new Map(ids.map((id) => [streamIdOf(id), id]));
  if (byStream.size === 0) return new Map();
  const { rows } = await db.query<{ stream_id: string; line: number }>(
    'SELECT stream_id, line FROM device_registry.import_line WHERE job_id = $1 AND stream_id = ANY ($2::uuid[])',
    [jobId, uuidArray([...byStream.keys()], 'streamId')],
  );
  return new Map(rows.map(({ stream_id, line }) => [byStream.get(stream_id)!, line]));
}

/** Remembers the lines of a chunk. A write: it comes after the append. */
export async function rememberLines(db: Queryable, jobId: string, given: readonly GivenDevice[]): Promise<void> {
  if (given.length === 0) return;
  await db.query(
    'INSERT INTO device_registry.import_line (job_id, stream_id, line) SELECT $1, * FROM unnest($2::uuid[], $3::int[])',
    [
      jobId,
      uuidArray(
        given.map(({ id }) => streamIdOf(id)),
        'streamId',
      ),
      given.map(({ line }) => line),
    ],
  );
}
