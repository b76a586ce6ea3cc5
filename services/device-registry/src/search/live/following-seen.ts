import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import { type DeviceSeen, readSeen, type SeenMark } from './last-seen.ts';

export interface FollowingSeenOptions {
  readonly pool: Pool;
  readonly log: Log;
  /** Pause between two looks. */
  readonly pollSeconds: number;
  /** Takes what was noted since the last look, a part at a time. */
  readonly take: (seen: readonly DeviceSeen[]) => void;
}

const TAKEN_AT_ONCE = 500;

/** Follows when devices were last seen, from a mark on, until the signal. A failure is tried again with the next look. */
export async function followSeen(
  from: SeenMark,
  { pool, log, pollSeconds, take }: FollowingSeenOptions,
  signal: AbortSignal,
): Promise<void> {
  let mark = from;
  while (!signal.aborted) {
    await delay(pollSeconds * 1000, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const read = await readSeen(pool, mark);
      for (let at = 0; at < read.seen.length; at += TAKEN_AT_ONCE) {
        take(read.seen.slice(at, at + TAKEN_AT_ONCE));
        await turn();
      }
      mark = read.mark;
    } catch (err) {
      log.warn({ err }, 'times of last contact could not be read');
    }
  }
}
