/**
 * One search at a turn of the event loop: what comes in between is seen, most of all that a client is gone. A client that types
 * abandons a request with every key, and those need no answer.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];

  /** Resolves when it is this caller's turn. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) setImmediate(this.#turn);
    });
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  readonly #turn = (): void => {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(this.#turn);
  };
}
