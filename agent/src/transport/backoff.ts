/** How long the agent waits between tries, in seconds. */
export interface RetryLimits {
  readonly baseSeconds: number;
  readonly capSeconds: number;
}

/**
 * Seconds to wait before try `failures + 1`: min(cap, base·2ⁿ), then full jitter, in that order (agent-protocol.md, Delivery 7). A
 * `Retry-After` is a floor, with the same jitter on top, so that a thousand agents told "30 s" do not come back in one instant.
 *
 * @param random a number in [0, 1)
 */
export function retryDelaySeconds(
  failures: number,
  limits: RetryLimits,
  random: number,
  retryAfterSeconds?: number,
): number {
  const ceiling = Math.min(limits.capSeconds, limits.baseSeconds * 2 ** Math.min(failures, 30));
  return (retryAfterSeconds ?? 0) + ceiling * random;
}

/** The seconds a `Retry-After` header asks for (RFC 9110, 10.2.3: seconds or a date); undefined when absent or unreadable. */
export function readRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - nowMs) / 1000);
}
