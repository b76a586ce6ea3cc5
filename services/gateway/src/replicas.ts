/** How long a replica that could not be reached is asked last. */
const ASIDE_MS = 5_000;

/**
 * The replicas of one service, in turn. One that cannot be reached is set aside, though not given up: where no other is left it is
 * asked all the same.
 */
export class Replicas {
  readonly origins: readonly string[];
  readonly #asideUntil = new Map<string, number>();
  #turn = 0;

  /** @param urls at least one; only their origin counts */
  constructor(urls: readonly string[]) {
    this.origins = urls.map((url) => new URL(url).origin);
  }

  /** The order in which to try them for one request, with the one whose turn it is first. `now` is in milliseconds. */
  inOrder(now: number): string[] {
    const first = this.#turn++ % this.origins.length;
    const turned = [...this.origins.slice(first), ...this.origins.slice(0, first)];
    const aside = (origin: string) => (this.#asideUntil.get(origin) ?? 0) > now;
    return [...turned.filter((origin) => !aside(origin)), ...turned.filter(aside)];
  }

  unreachable(origin: string, now: number): void {
    this.#asideUntil.set(origin, now + ASIDE_MS);
  }
}
