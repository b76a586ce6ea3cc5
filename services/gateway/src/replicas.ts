/** How long a replica that could not be reached is asked last. */
const ASIDE_MS = 5_000;

/**
 * The replicas of one service, in turn. One that is not ready or cannot be reached is set aside, though not given up: where no other
 * is left it is asked all the same.
 */
export class Replicas {
  readonly origins: readonly string[];
  readonly #asideUntil = new Map<string, number>();
  readonly #notReady = new Set<string>();
  #turn = 0;

  /** @param urls at least one; only their origin counts */
  constructor(urls: readonly string[]) {
    this.origins = urls.map((url) => new URL(url).origin);
  }

  /** The order in which to try them for one request, with the one whose turn it is first. `now` is in milliseconds. */
  inOrder(now: number): string[] {
    const first = this.#turn++ % this.origins.length;
    const turned = [...this.origins.slice(first), ...this.origins.slice(0, first)];
    const rank = (origin: string) => {
      if ((this.#asideUntil.get(origin) ?? 0) > now) return 2;
      return this.#notReady.has(origin) ? 1 : 0;
    };
    return turned.sort((one, other) => rank(one) - rank(other));
  }

  /** What the last look at its `/readyz` found. */
  setReady(origin: string, ready: boolean): void {
    if (ready) this.#notReady.delete(origin);
    else this.#notReady.add(origin);
  }

  unreachable(origin: string, now: number): void {
    this.#asideUntil.set(origin, now + ASIDE_MS);
  }
}
