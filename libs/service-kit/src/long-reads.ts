import type { ServerResponse } from 'node:http';
import { unavailable } from './problem-error.ts';

const RETRY_SECONDS = 5;

/**
 * Lets so many callers read for long at once and turns the others away: in a queue they would wait for minutes, and without a limit they
 * would take the connections of jobs and exports.
 */
export class LongReadPlaces {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws ProblemError 503 with the time to come back when all places are taken */
  async enter<T>(read: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#most) {
      throw unavailable(
        `${this.#most} previews or counts are being made already. Send the request again.`,
        RETRY_SECONDS,
      );
    }
    this.#taken++;
    try {
      return await read();
    } finally {
      this.#taken--;
    }
  }
}

/**
 * Aborts when the client hangs up before it was answered, with an error that is no fault of ours. The answer is watched: a connection
 * outlives thousands of them.
 */
export function goneSignal(answer: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const abort = () => gone.abort(unavailable('The caller left before it was answered.', RETRY_SECONDS));
  answer.once('close', abort);
  if (answer.destroyed || answer.socket?.destroyed) abort();
  return gone.signal;
}
