import { unavailable } from './problem-error.ts';

const RETRY_SECONDS = 5;

/**
 * Lets so many callers read for long at once and turns the others away: in a queue they would wait for minutes, and without a limit they
 * would take the connections of jobs and exports.
 */
export class LongReadPlaces {
  readonly #most: number;
  readonly #reads: string;
  #taken = 0;

  /** @param reads what they read for, as the one who is turned away is told, such as `counts` */
  constructor(most: number, reads: string) {
    this.#most = most;
    this.#reads = reads;
  }

  /** @throws ProblemError 503 with the time to come back when all places are taken */
  async enter<T>(read: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#most) {
      throw unavailable(`${this.#most} ${this.#reads} are being made already. Send the request again.`, RETRY_SECONDS);
    }
    this.#taken++;
    try {
      return await read();
    } finally {
      this.#taken--;
    }
  }
}
