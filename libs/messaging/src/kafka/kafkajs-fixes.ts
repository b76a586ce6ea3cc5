import { createRequire } from 'node:module';

/** The part of kafkajs's internal RequestQueue that the fix needs. */
interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const checkAgainMs = 10;

/**
 * kafkajs 2.2.4 re-arms a timer after every response even when nothing waits, with a delay of `-1 - Date.now()`: Node 24
 * prints TimeoutNegativeWarning (kafkajs#1751), every Node runs it as a 1 ms timer per connection for ever. The fix of
 * the unmerged kafkajs#1755, applied to the prototype: a timer only while requests wait.
 */
export function fixRequestQueueTimer(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue;
  };
  prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue): void {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
    const throttledMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : checkAgainMs,
    );
  };
}
