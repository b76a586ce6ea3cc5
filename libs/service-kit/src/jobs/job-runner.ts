import { setTimeout as delay } from 'node:timers/promises';
import { isTransient } from '@quell/event-store/transient';
import type { Pool } from 'pg';
import type { Log } from '../log.ts';
import { inTransaction } from '../transaction.ts';
import { type ClaimedJob, ClaimLost, Claims } from './claims.ts';
import { JobFailed, type JobKind } from './job-kind.ts';

export interface JobRunnerOptions {
  readonly pool: Pool;
  /** Where `createJobTable` made its tables. */
  readonly schema: string;
  // biome-ignore lint/suspicious/noExplicitAny: each kind knows its own input and checkpoint, which are JSON to the runner
  readonly kinds: readonly JobKind<any, any>[];
  readonly log: Log;
  /** Jobs of this replica at one time. Default 2. */
  readonly atOnce?: number;
  /** Pause between two looks for work. Default 1. */
  readonly pollSeconds?: number;
  /** After how long without a sign of its replica others take a job over. Default 15. */
  readonly claimSeconds?: number;
  /** How long jobs that ended can be read. Default 30. */
  readonly keepDays?: number;
}

// A chunk that was begun so often without an end took its processes down.
const MOST_CLAIMS = 10;
const LONGEST_PAUSE_MS = 5_000;
const PRUNE_EVERY_MS = 3_600_000;

/**
 * Does the jobs of a service, on every replica: claims one, does chunk after chunk, gives it up between two chunks when it stops.
 * What a killed replica was at goes on elsewhere from its last checkpoint.
 */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #claims: Claims;
  readonly #stop = new AbortController();
  /** Each with its kind. */
  readonly #underway = new Map<Promise<void>, string>();
  #looking: Promise<void> = Promise.resolve();
  #isWoken = false;
  #endPause: () => void = () => undefined;
  #pruning: NodeJS.Timeout | undefined;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#claims = new Claims(options.schema, options.claimSeconds ?? 15);
  }

  start(): void {
    this.#looking = this.#look();
    this.#pruning = setInterval(() => void this.#prune(), PRUNE_EVERY_MS);
  }

  /** There is a new job: look at once. */
  wake(): void {
    this.#isWoken = true;
    this.#endPause();
  }

  /** Resolves when every job of this replica has ended or was given back. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#pruning);
    this.wake();
    await this.#looking;
    await Promise.all(this.#underway.keys());
  }

  async #look(): Promise<void> {
    const { pool, kinds, log, atOnce = 2, pollSeconds = 1 } = this.#options;
    while (!this.#stop.signal.aborted) {
      let job: ClaimedJob | undefined;
      try {
        const underway = [...this.#underway.values()];
        const free = kinds.filter(
          ({ kind, atOnce: most = atOnce }) => underway.filter((one) => one === kind).length < most,
        );
        if (underway.length < atOnce && free.length > 0) {
          const names = free.map(({ kind }) => kind);
          job = await this.#claims.take(pool, names);
        }
      } catch (err) {
        log.warn({ err }, 'no job could be claimed; the next look may');
      }
      if (job === undefined) await this.#pause(pollSeconds * 1000);
      else this.#begin(job);
    }
  }

  #begin(job: ClaimedJob): void {
    const { log } = this.#options;
    const run: Promise<void> = this.#run(job)
      .catch((err: unknown) =>
        log.warn({ err, jobId: job.id }, 'a job was left; its claim runs out and another takes it'),
      )
      .finally(() => {
        this.#underway.delete(run);
        this.wake();
      });
    this.#underway.set(run, job.kind);
  }

  async #run(first: ClaimedJob): Promise<void> {
    const { pool, kinds, log, claimSeconds = 15 } = this.#options;
    const kind = kinds.find(({ kind }) => kind === first.kind)!;
    const about = { jobId: first.id, kind: first.kind };
    if (first.claims > MOST_CLAIMS) {
      log.error(about, 'a job was given up: it never ended a chunk');
      const error = `A part of it ended ${MOST_CLAIMS} processes or outlasted their claims; it was not tried again.`;
      return this.#claims.end(pool, first, 'failed', error);
    }
    const watch = { isCancelled: first.isCancelled, isLost: false };
    const interrupt = new AbortController();
    const signal = AbortSignal.any([interrupt.signal, this.#stop.signal]);
    const renewing = setInterval(() => {
      this.#claims.renew(pool, first).then(
        (cancelled) => {
          watch.isCancelled ||= cancelled;
          if (cancelled) interrupt.abort();
        },
        (err: unknown) => {
          watch.isLost ||= err instanceof ClaimLost;
          if (watch.isLost) interrupt.abort();
          else log.warn({ err, ...about }, 'the claim of a job could not be renewed');
        },
      );
    }, claimSeconds * 333);
    try {
      await this.#chunks(first, kind, watch, signal);
    } catch (err) {
      if (err instanceof ClaimLost) log.info(about, 'a job is in other hands, or ended');
      else throw err;
    } finally {
      clearInterval(renewing);
    }
  }

  async #chunks(
    first: ClaimedJob,
    kind: JobKind<object, unknown>,
    watch: { readonly isCancelled: boolean; readonly isLost: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { pool, log } = this.#options;
    let job = first;
    let failedTries = 0;
    let lastError: unknown;
    while (!watch.isLost) {
      if (job.isCancelled || watch.isCancelled) return this.#claims.end(pool, job, 'cancelled');
      if (this.#stop.signal.aborted) return this.#claims.release(pool, job);
      let pauseMs = 0;
      try {
        // After a COMMIT without an answer the chunk may have been stored.
        if (failedTries > 0) job = await this.#claims.reload(pool, job);
        const { id, input, checkpoint, progress, createdBy, createdAt } = job;
        const before = { id, input: input as object, progress, createdBy, createdAt };
        const step = await kind.step(
          { ...before, checkpoint: checkpoint ?? undefined, failedTries, lastError },
          signal,
        );
        const [saved, outcome] = await inTransaction(pool, async (client) => {
          const outcome = typeof step === 'function' ? await step(client) : step;
          return [await this.#claims.save(client, job, outcome), outcome] as const;
        });
        outcome.committed?.();
        if (typeof saved === 'string') return;
        job = saved;
        pauseMs = outcome.pauseMilliseconds ?? 0;
        failedTries = 0;
        lastError = undefined;
      } catch (err) {
        if (err instanceof ClaimLost) throw err;
        const mayPass = isTransient(err) || kind.mayPass?.(err) === true;
        if (!mayPass && !signal.aborted) {
          log.error({ err, jobId: job.id, kind: job.kind }, 'a job failed');
          const error =
            err instanceof JobFailed ? err.message : 'Something failed on our side; the log has it under this id.';
          return this.#claims.end(pool, job, 'failed', error);
        }
        if (mayPass) log.warn({ err, jobId: job.id, kind: job.kind }, 'a chunk of a job is tried again');
        pauseMs = Math.min(LONGEST_PAUSE_MS, 50 * 2 ** Math.min(failedTries, 10));
        failedTries++;
        lastError = err;
      }
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #prune(): Promise<void> {
    const { pool, log, keepDays = 30 } = this.#options;
    try {
      while (!this.#stop.signal.aborted && (await this.#claims.prune(pool, keepDays)));
    } catch (err) {
      log.warn({ err }, 'old jobs were not deleted');
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#endPause = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#isWoken = false;
  }
}
