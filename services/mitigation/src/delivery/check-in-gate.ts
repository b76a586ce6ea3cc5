import { unavailable } from '@quell/service-kit/problem-error';

/** Whoever is turned away comes back after 1 to this many seconds: not all at the same time again. */
const LATEST_RETRY_SECONDS = 10;

/**
 * Lets so many check-ins be worked on at once; the others wait for their turn, and beyond that they are turned away. A held check-in is
 * not worked on. With connections of their own behind it, a storm of check-ins keeps no result and no detection waiting.
 * Source: agent-protocol.md, Limits.
 */
export class CheckInGate {
  readonly #mostAtOnce: number;
  readonly #mostWaiting: number;
  #atWork = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ atOnce, waiting }: { readonly atOnce: number; readonly waiting: number }) {
    this.#mostAtOnce = atOnce;
    this.#mostWaiting = waiting;
  }

  /**
   * Does a part of a check-in that may be turned away: its first, as long as nothing was done for it.
   *
   * @throws ProblemError 503 with the time to come back when too many wait already
   */
  async enter<T>(work: () => Promise<T>): Promise<T> {
    if (this.#atWork >= this.#mostAtOnce && this.#waiting.length >= this.#mostWaiting) {
      const seconds = 1 + Math.floor(Math.random() * LATEST_RETRY_SECONDS);
      throw unavailable('Too many agents check in at the same time.', seconds);
    }
    return this.run(work);
  }

  /** Does a part of a check-in when its turn comes. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    // A place is handed on, never freed while somebody waits for it.
    if (this.#atWork < this.#mostAtOnce) this.#atWork++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#atWork--;
      else next();
    }
  }
}
