import type { JobFailure, JobProgress } from '@quell/contracts/job';
import type { ClientBase } from 'pg';

/** A job as the code of its kind sees it, before the chunk that comes next. */
export interface RunningJob<Input, Checkpoint> {
  readonly id: string;
  readonly input: Input;
  /** Where the chunk before ended; undefined before the first one. */
  readonly checkpoint: Checkpoint | undefined;
  readonly progress: JobProgress;
  readonly createdBy: string;
  readonly createdAt: Date;
  /** How often in a row this chunk met an error that may pass, on this replica: after a timeout, take less. */
  readonly failedTries: number;
  /** The error met last. */
  readonly lastError?: unknown;
}

/** What stands after a chunk. All members but `failures` are totals since the job began, never differences. */
export interface ChunkOutcome<Checkpoint> {
  /** Any JSON value: where the next chunk begins. */
  readonly checkpoint: Checkpoint;
  readonly progress: JobProgress;
  /** Items of this chunk that could not be done. No more than {@link MOST_FAILURES_KEPT} of a job are kept; `progress.failed` counts all. */
  readonly failures?: readonly JobFailure[];
  /** A JSON object; shown while the job runs, too. Absent: as it was. */
  readonly result?: object;
  /** The job succeeded. */
  readonly done?: boolean;
  /** Called once all this is committed, such as to hint at new events. */
  readonly committed?: () => void;
  /** Lets others have the database before the next chunk. Default 0. */
  readonly pauseMilliseconds?: number;
}

export const MOST_FAILURES_KEPT = 10_000;

/** A chunk's effect, run in one transaction together with its checkpoint. An append to the event store may be its first write. */
export type ChunkEffect<Checkpoint> = (client: ClientBase) => Promise<ChunkOutcome<Checkpoint>>;

/** One kind of long work. */
export interface JobKind<Input extends object, Checkpoint> {
  readonly kind: string;
  /**
   * Does the next chunk, at most about a second of work. Either it returns its effect, which is committed together with the checkpoint:
   * then it has happened exactly once. Or it returns the outcome of what it did itself, which has to be idempotent: a chunk is repeated
   * when the process ended before its checkpoint was stored.
   *
   * Errors that may pass are met by trying again for ever; {@link JobFailed} ends the job with its message, any other error too, as a
   * fault of ours.
   *
   * @param signal aborted when the replica stops, the job was cancelled or its claim is lost: a long chunk may throw then, and is
   * taken as not done
   */
  step(
    job: RunningJob<Input, Checkpoint>,
    signal: AbortSignal,
  ): Promise<ChunkOutcome<Checkpoint> | ChunkEffect<Checkpoint>>;
  /** Jobs of this kind that a replica does at one time, so that others do not wait for them all. Default: as many as the runner does. */
  readonly atOnce?: number;
  /** Errors of its own that may pass, such as a conflict, beside those of the database. */
  readonly mayPass?: (error: unknown) => boolean;
}

/** Thrown by a step: the job cannot be done. Its message is for the caller. */
export class JobFailed extends Error {
  override readonly name = 'JobFailed';
}
