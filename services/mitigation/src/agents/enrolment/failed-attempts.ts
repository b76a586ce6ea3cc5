import { LRUCache } from 'lru-cache';

/** So many enrolments may fail from one address … */
export const MAX_FAILURES = 60;
/** … within so many seconds; after that the address is told to wait. */
export const FAILURE_WINDOW_SECONDS = 60;

/**
 * Counts failed enrolments per address in this replica. Only failures count, so that a roll-out of thousands of agents behind
 * one address is not held up by its own success.
 */
export class FailedAttempts {
  readonly #failures = new LRUCache<string, { count: number; readonly until: number }>({ max: 10_000 });

  /** Seconds that `address` has to wait, or undefined when it may try now. */
  waitSeconds(address: string, now: Date): number | undefined {
    const entry = this.#failures.get(address);
    if (entry === undefined || entry.count < MAX_FAILURES || entry.until <= now.getTime()) return undefined;
    return Math.ceil((entry.until - now.getTime()) / 1000);
  }

  failed(address: string, now: Date): void {
    const entry = this.#failures.get(address);
    if (entry !== undefined && entry.until > now.getTime()) entry.count += 1;
    else this.#failures.set(address, { count: 1, until: now.getTime() + FAILURE_WINDOW_SECONDS * 1000 });
  }
}
