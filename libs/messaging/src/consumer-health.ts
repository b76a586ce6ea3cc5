import type { ConsumerHealth, TopicPartition } from './broker.ts';

export interface PartitionProgress extends TopicPartition {
  readonly nextOffset: bigint | undefined;
  /** End of the log at the last look; undefined before the first. */
  readonly high: bigint | undefined;
  /** When the next offset last moved, nothing was waiting, or the partition came to us. */
  readonly sinceMs: number;
  /** Paused by its user: standing still is what was asked for. */
  readonly held: boolean;
  readonly lastFailure: string | undefined;
}

/** What a consumer knows about itself. Times are milliseconds of one monotonic clock. */
export interface ConsumerState {
  readonly group: string;
  readonly phase:
    | { readonly kind: 'joining'; readonly lastFailure?: string }
    | { readonly kind: 'running' | 'stopped' }
    | { readonly kind: 'dead'; readonly reason: string };
  /** When the phase began or, while running, the broker last answered. */
  readonly sinceMs: number;
  readonly partitions: readonly PartitionProgress[];
}

/** Whether a consumer lives: it is in its group, the broker answers, and every partition with messages moves on. */
export function consumerHealth(state: ConsumerState, nowMs: number, stallAfterSeconds: number): ConsumerHealth {
  const { group, phase } = state;
  const partitions = state.partitions.map(({ topic, partition, nextOffset, high }) => ({
    topic,
    partition,
    ...(nextOffset === undefined ? {} : { nextOffset }),
    ...(nextOffset === undefined || high === undefined ? {} : { lag: high > nextOffset ? high - nextOffset : 0n }),
  }));
  const reason = reasonNotLive(state, nowMs, stallAfterSeconds);
  return {
    group,
    live: reason === undefined,
    ready: phase.kind === 'running',
    ...(reason === undefined ? {} : { reason }),
    partitions,
  };
}

function reasonNotLive(state: ConsumerState, nowMs: number, stallAfterSeconds: number): string | undefined {
  const quietSeconds = (sinceMs: number) => (nowMs - sinceMs) / 1000;
  const { phase } = state;
  if (phase.kind === 'stopped') return 'stopped';
  if (phase.kind === 'dead') return phase.reason;
  if (quietSeconds(state.sinceMs) > stallAfterSeconds) {
    const what = phase.kind === 'joining' ? 'the group was not joined' : 'the broker has not answered';
    const why = phase.kind === 'joining' && phase.lastFailure !== undefined ? `: ${phase.lastFailure}` : '';
    return `${what} for ${Math.round(quietSeconds(state.sinceMs))} s${why}`;
  }
  for (const { topic, partition, nextOffset, high, sinceMs, held, lastFailure } of state.partitions) {
    const waits = nextOffset === undefined || (high !== undefined && high > nextOffset);
    if (held || !waits || quietSeconds(sinceMs) <= stallAfterSeconds) continue;
    const where = nextOffset === undefined ? 'its stored offset is not known' : `it stands at offset ${nextOffset}`;
    const why = lastFailure === undefined ? '' : `: ${lastFailure}`;
    return `${topic}[${partition}] made no progress for ${Math.round(quietSeconds(sinceMs))} s, ${where}${why}`;
  }
  return undefined;
}
