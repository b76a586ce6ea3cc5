import { compareCursors, type FeedCursor } from '@quell/event-store/feed';

/** Those who wait until the index shows a position. */
export class PositionWaits {
  readonly #waiting = new Set<{ readonly position: FeedCursor; readonly reached: () => void }>();

  /** Resolves with whether `position` was reached within so many milliseconds. */
  wait(position: FeedCursor, withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (reached: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(entry);
        resolve(reached);
      };
      const timer = setTimeout(done, withinMs, false);
      const entry = { position, reached: () => done(true) };
      this.#waiting.add(entry);
    });
  }

  /** Tells those whose position this is, or lies before it. */
  reached(now: FeedCursor): void {
    for (const { position, reached } of this.#waiting) if (compareCursors(now, position) >= 0) reached();
  }
}
