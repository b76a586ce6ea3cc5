/** A transaction of a job is to take so long: the followers of every feed of the server wait for it. */
const TARGET_MS = 100;
const SMALLEST = 10;
/** More would keep the searches that this process answers waiting for its thread. */
const LARGEST = 250;
const FIRST = 100;

/** The share of the time that a job leaves to others. */
const PAUSE_SHARE = 0.25;

/** How many devices a job takes at once: as many as went through in time. */
export class ChunkSizes {
  readonly #sizes = new Map<string, number>();

  /** @param failedTries how often this chunk failed in a row: it may be too large */
  next(jobId: string, failedTries: number): number {
    const size = this.#sizes.get(jobId) ?? FIRST;
    return Math.max(1, Math.floor(size / 2 ** Math.min(failedTries, 10)));
  }

  /** Learns from a chunk. @returns how long to leave the database to others, in milliseconds */
  took(jobId: string, count: number, milliseconds: number): number {
    const fitting = (count * TARGET_MS) / Math.max(milliseconds, 1);
    const before = this.#sizes.get(jobId) ?? FIRST;
    // By steps: one slow chunk among fast ones says little.
    const next = Math.min(Math.max(fitting, before / 2), before * 1.5);
    this.#sizes.delete(jobId);
    this.#sizes.set(jobId, Math.round(Math.min(Math.max(next, SMALLEST), LARGEST)));
    if (this.#sizes.size > 100) this.#sizes.delete(this.#sizes.keys().next().value!);
    return milliseconds * PAUSE_SHARE;
  }
}
