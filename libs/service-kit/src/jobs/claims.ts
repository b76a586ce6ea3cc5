import type { JobProgress, JobState } from '@quell/contracts/job';
import pg from 'pg';
import { v4 as uuidv4 } from 'uuid';
import { storable } from '../dead-letter-table.ts';
import { type ChunkOutcome, MOST_FAILURES_KEPT } from './job-kind.ts';
import { storedJson } from './stored-json.ts';

type Queryable = Pick<pg.ClientBase, 'query'>;

/** A job in the hands of one runner. */
export interface ClaimedJob {
  readonly id: string;
  readonly kind: string;
  readonly claim: string;
  readonly revision: number;
  readonly input: unknown;
  readonly checkpoint: unknown;
  readonly progress: JobProgress;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly isCancelled: boolean;
  /** Claims since its last checkpoint, this one included. */
  readonly claims: number;
}

/** Somebody else has the job, or it ended meanwhile: what was done since the last checkpoint must not count. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost';
}

const columns = `id, kind, claim, revision, input, checkpoint, progress, created_by AS "createdBy", created_at AS "createdAt",
  cancel_requested_at IS NOT NULL AS "isCancelled", claims`;

/** The rows of `job` as runners use them. A claim ends by the database's time. */
export class Claims {
  readonly #schema: string;
  readonly #seconds: number;

  /** @param seconds how long a claim lasts without being renewed */
  constructor(schema: string, seconds: number) {
    this.#schema = pg.escapeIdentifier(schema);
    this.#seconds = seconds;
  }

  /** Takes the oldest job of these kinds that nobody holds. Writes nothing when there is none. */
  async take(db: Queryable, kinds: readonly string[]): Promise<ClaimedJob | undefined> {
    const { rows } = await db.query<ClaimedJob>(
      `UPDATE ${this.#schema}.job SET state = 'running', claim = $1, claimed_until = clock_timestamp() + $2 * interval '1 s',
         claims = claims + 1, started_at = coalesce(started_at, clock_timestamp())
       WHERE id = (SELECT id FROM ${this.#schema}.job
                   WHERE state IN ('queued', 'running') AND kind = ANY ($3) AND coalesce(claimed_until < clock_timestamp(), true)
                   ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING ${columns}`,
      [uuidv4(), this.#seconds, kinds],
    );
    return rows[0];
  }

  /** What stands in the row while the claim holds. @throws ClaimLost */
  async reload(db: Queryable, { id, claim }: ClaimedJob): Promise<ClaimedJob> {
    const { rows } = await db.query<ClaimedJob>(
      `SELECT ${columns} FROM ${this.#schema}.job WHERE id = $1 AND claim = $2 AND state = 'running'`,
      [id, claim],
    );
    if (rows[0] === undefined) throw new ClaimLost();
    return rows[0];
  }

  /** @returns whether the job was cancelled meanwhile. @throws ClaimLost */
  async renew(db: Queryable, { id, claim }: ClaimedJob): Promise<boolean> {
    const { rows } = await db.query<{ cancelled: boolean }>(
      `UPDATE ${this.#schema}.job SET claimed_until = clock_timestamp() + $3 * interval '1 s'
       WHERE id = $1 AND claim = $2 AND state = 'running' RETURNING cancel_requested_at IS NOT NULL AS cancelled`,
      [id, claim, this.#seconds],
    );
    if (rows[0] === undefined) throw new ClaimLost();
    return rows[0].cancelled;
  }

  /**
   * Stores what stands after a chunk, when nobody has stored anything since the chunk began.
   *
   * @returns the job for the next chunk; its state when it ended. @throws ClaimLost
   */
  async save(db: Queryable, job: ClaimedJob, outcome: ChunkOutcome<unknown>): Promise<ClaimedJob | JobState> {
    const { checkpoint, progress, result, done = false, failures = [] } = outcome;
    const { rows } = await db.query<ClaimedJob & { state: JobState }>(
      `UPDATE ${this.#schema}.job SET checkpoint = $4, progress = $5, result = coalesce($6, result), revision = revision + 1, claims = 0,
         claimed_until = clock_timestamp() + $8 * interval '1 s', state = CASE WHEN $7 THEN 'succeeded' ELSE state END,
         finished_at = CASE WHEN $7 THEN clock_timestamp() END
       WHERE id = $1 AND claim = $2 AND revision = $3 AND state = 'running' RETURNING state, ${columns}`,
      [
        job.id,
        job.claim,
        job.revision,
        storedJson(checkpoint),
        storedJson(progress),
        result === undefined ? null : storedJson(result),
        done,
        this.#seconds,
      ],
    );
    const saved = rows[0];
    if (saved === undefined) throw new ClaimLost();
    if (failures.length > 0) {
      await db.query(
        `INSERT INTO ${this.#schema}.job_failure (job_id, revision, n, failure)
         SELECT $1, $2, f.n, f.failure FROM jsonb_array_elements($3) WITH ORDINALITY AS f (failure, n)
         WHERE f.n <= $4 - (SELECT count(*) FROM ${this.#schema}.job_failure WHERE job_id = $1)`,
        [job.id, job.revision, storedJson(failures.slice(0, MOST_FAILURES_KEPT)), MOST_FAILURES_KEPT],
      );
    }
    return saved.state === 'running' ? saved : saved.state;
  }

  /** Ends the job, if the claim still holds. */
  async end(db: Queryable, { id, claim }: ClaimedJob, state: 'failed' | 'cancelled', error?: string): Promise<void> {
    await db.query(
      `UPDATE ${this.#schema}.job SET state = $3, error = $4, finished_at = clock_timestamp()
       WHERE id = $1 AND claim = $2 AND state = 'running'`,
      [id, claim, state, error === undefined ? null : storable(error)],
    );
  }

  /** Gives the job back between two chunks, for any replica to go on at once. */
  async release(db: Queryable, { id, claim }: ClaimedJob): Promise<void> {
    await db.query(
      `UPDATE ${this.#schema}.job SET claim = NULL, claimed_until = NULL, claims = 0 WHERE id = $1 AND claim = $2 AND state = 'running'`,
      [id, claim],
    );
  }

  /** Deletes some jobs that ended longer ago than that, with their failures. @returns whether there may be more */
  async prune(db: Queryable, keepDays: number): Promise<boolean> {
    const { rowCount } = await db.query(
      `DELETE FROM ${this.#schema}.job WHERE id IN (
         SELECT id FROM ${this.#schema}.job WHERE finished_at < clock_timestamp() - $1 * interval '1 day' LIMIT 10 FOR UPDATE SKIP LOCKED)`,
      [keepDays],
    );
    return rowCount === 10;
  }
}
