import { setTimeout as delay } from 'node:timers/promises';

/** How long and how often `eventually` tries. */
export interface EventuallyOptions {
  /** Default 15 s. */
  readonly timeoutMs?: number;
  /** Pause between two tries. Default 50 ms. */
  readonly everyMs?: number;
}

/**
 * Tries a probe until it neither throws nor returns `undefined` or `false`, and returns its value. The wait of tests: it ends as
 * soon as the condition holds.
 *
 * @throws what the probe threw last (or an Error that says it stayed false) once `timeoutMs` have passed.
 */
export async function eventually<T>(
  probe: () => Promise<T> | T,
  { timeoutMs = 15_000, everyMs = 50 }: EventuallyOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
      failure = new Error(`still ${String(value)} after ${timeoutMs} ms`);
    } catch (error) {
      failure = error;
    }
    if (Date.now() >= deadline) throw failure;
    await delay(everyMs);
  }
}
