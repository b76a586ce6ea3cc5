import { setTimeout as delay } from 'node:timers/promises';
import type { JobDto, JobFailure, JobFailureQuery, JobListQuery, JobProgress, JobState } from '@quell/contracts/job';
import { uuid } from '@quell/contracts/vocabulary';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { decodeCursor, type Page, pageOf } from '../cursor.ts';
import { refusal } from '../problem-error.ts';
import type { RequestKey } from './request-key.ts';

const LOOK_EVERY_MS = 500;

type Queryable = Pick<pg.ClientBase, 'query'>;

export interface NewJob {
  /** A UUID; absent: a new UUIDv7. One that is known already is left as it is, so that a request may be repeated. */
  readonly id?: string;
  readonly kind: string;
  /** What was asked, shown to whoever reads the job. */
  readonly input: object;
  /** The actor, such as `key:<name>`. */
  readonly createdBy: string;
  readonly total?: number;
}

interface JobRow {
  readonly id: string;
  readonly kind: string;
  readonly state: JobState;
  readonly input: Record<string, unknown>;
  readonly progress: JobProgress;
  readonly result: Record<string, unknown> | null;
  readonly error: string | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly cancel_requested_at: Date | null;
}

const columns = `id, kind, state, input, progress, result, error, created_by, created_at, started_at, finished_at, cancel_requested_at`;

/** The jobs of a service, for its routes: made, read, listed, cancelled. `JobRunner` does them. */
export class Jobs {
  readonly #db: Queryable;
  readonly #schema: string;

  constructor(db: Queryable, schema: string) {
    this.#db = db;
    this.#schema = pg.escapeIdentifier(schema);
  }

  /** Queues a job. @param db a client whose transaction it belongs to; in it, an append has to come first */
  async create(job: NewJob, db: Queryable = this.#db): Promise<JobDto> {
    const id = job.id ?? uuidv7();
    const progress: JobProgress = { done: 0, failed: 0, ...(job.total === undefined ? {} : { total: job.total }) };
    await db.query(
      `INSERT INTO ${this.#schema}.job (id, kind, state, input, progress, created_by) VALUES ($1, $2, 'queued', $3, $4, $5)
       ON CONFLICT (id) DO NOTHING`,
      [id, job.kind, JSON.stringify(job.input), JSON.stringify(progress), job.createdBy],
    );
    return (await this.#find(db, id))!;
  }

  /**
   * Queues the job that a request asks for, or finds the one that the same request made before. Needs `addRequestKeys`.
   *
   * @throws ProblemError 422 when the key came with another request before; the error of Postgres when another job has the id
   */
  async createOnce(job: NewJob, request: RequestKey): Promise<JobDto> {
    const id = job.id ?? uuidv7();
    const progress: JobProgress = { done: 0, failed: 0, ...(job.total === undefined ? {} : { total: job.total }) };
    for (;;) {
      await this.#db.query(
        `INSERT INTO ${this.#schema}.job (id, kind, state, input, progress, created_by, request_key, request_sha256)
         VALUES ($1, $2, 'queued', $3, $4, $5, $6, $7) ON CONFLICT (request_key) WHERE request_key IS NOT NULL DO NOTHING`,
        [id, job.kind, JSON.stringify(job.input), JSON.stringify(progress), job.createdBy, request.key, request.sha256],
      );
      const made = await this.findRequested(request);
      // The one that was there already may have been pruned in between.
      if (made !== undefined) return made;
    }
  }

  /** The job that a request made before. @throws ProblemError 422 when its key came with another request */
  async findRequested({ key, sha256 }: RequestKey): Promise<JobDto | undefined> {
    const { rows } = await this.#db.query<JobRow & { request_sha256: string }>(
      `SELECT ${columns}, request_sha256 FROM ${this.#schema}.job WHERE request_key = $1`,
      [key],
    );
    const [row] = rows;
    if (row !== undefined && row.request_sha256 !== sha256) {
      throw refusal('unprocessable', 'This Idempotency-Key came before with another body.');
    }
    return row && dtoOf(row);
  }

  find(id: string): Promise<JobDto | undefined> {
    return this.#find(this.#db, id);
  }

  /**
   * The job once it has ended, or as it is after so many seconds, or when the signal is aborted; undefined when there is none. Looks
   * twice a second, since any replica may do it.
   */
  async findEnded(id: string, waitSeconds: number, signal: AbortSignal): Promise<JobDto | undefined> {
    const until = performance.now() + waitSeconds * 1000;
    for (;;) {
      const job = await this.find(id);
      const left = until - performance.now();
      if (job === undefined || job.finishedAt !== undefined || left <= 0 || signal.aborted) return job;
      await delay(Math.min(LOOK_EVERY_MS, left), undefined, { signal }).catch(() => undefined);
    }
  }

  /** The newest first. @throws ProblemError 400 for a cursor that is none of this list */
  async list({ limit, cursor, kind, state }: JobListQuery): Promise<Page<JobDto>> {
    const before = cursor === undefined ? null : decodeCursor(cursor, uuid);
    const { rows } = await this.#db.query<JobRow>(
      `SELECT ${columns} FROM ${this.#schema}.job
       WHERE ($1::uuid IS NULL OR id < $1) AND ($2::text[] IS NULL OR kind = ANY ($2)) AND ($3::text[] IS NULL OR state = ANY ($3))
       ORDER BY id DESC LIMIT $4`,
      [before, kind ?? null, state ?? null, limit + 1],
    );
    return pageOf(rows, limit, dtoOf, ({ id }) => id);
  }

  /**
   * A queued job, or one whose replica is gone, ends at once; a running one after its chunk. One that has ended stays as it is.
   *
   * @returns the job as it is now; undefined when there is none
   */
  async cancel(id: string): Promise<JobDto | undefined> {
    await this.#db.query(
      `UPDATE ${this.#schema}.job SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
         state = CASE WHEN ${isUnheld} THEN 'cancelled' ELSE state END,
         finished_at = CASE WHEN ${isUnheld} THEN clock_timestamp() END
       WHERE id = $1 AND state IN ('queued', 'running')`,
      [id],
    );
    return this.find(id);
  }

  /** The items that a job could not do, in its order; undefined when there is no such job. @throws ProblemError 400 for a bad cursor */
  async failures(id: string, { limit, cursor }: JobFailureQuery): Promise<Page<JobFailure> | undefined> {
    if ((await this.find(id)) === undefined) return undefined;
    const [revision, n] = cursor === undefined ? [-1, -1] : decodeCursor(cursor, z.tuple([z.int(), z.int()]));
    const { rows } = await this.#db.query<{ revision: number; n: number; failure: JobFailure }>(
      `SELECT revision, n, failure FROM ${this.#schema}.job_failure WHERE job_id = $1 AND (revision, n) > ($2, $3)
       ORDER BY revision, n LIMIT $4`,
      [id, revision, n, limit + 1],
    );
    return pageOf(
      rows,
      limit,
      ({ failure }) => failure,
      (row) => [row.revision, row.n],
    );
  }

  async #find(db: Queryable, id: string): Promise<JobDto | undefined> {
    const { rows } = await db.query<JobRow>(`SELECT ${columns} FROM ${this.#schema}.job WHERE id = $1`, [id]);
    return rows[0] && dtoOf(rows[0]);
  }
}

const isUnheld = `(state = 'queued' OR claimed_until IS NULL OR claimed_until < clock_timestamp())`;

function dtoOf(row: JobRow): JobDto {
  const at = (time: Date | null, name: string) => (time === null ? {} : { [name]: time.toISOString() });
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    progress: row.progress,
    input: row.input,
    ...(row.result === null ? {} : { result: row.result }),
    ...(row.error === null ? {} : { error: row.error }),
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    ...at(row.started_at, 'startedAt'),
    ...at(row.finished_at, 'finishedAt'),
    ...at(row.cancel_requested_at, 'cancelRequestedAt'),
  };
}
