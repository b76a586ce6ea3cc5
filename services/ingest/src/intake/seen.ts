import type { Seen } from './receive.ts';

/**
 * Remembers the last `most` event ids of a request. A repeat further apart is sent again, which has no effect either:
 * consumers drop it on its id. A bound, since a request of lines may be very long.
 */
export function createSeen(most: number): Seen {
  const ids = new Set<string>();
  return {
    has: (eventId) => ids.has(eventId),
    add(eventId) {
      ids.add(eventId);
      if (ids.size <= most) return;
      // A Set keeps the order of insertion: the first is the oldest.
      for (const oldest of ids) {
        ids.delete(oldest);
        return;
      }
    },
  };
}
