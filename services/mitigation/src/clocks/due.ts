import type { ExpiryCause } from '@quell/contracts/task-events';

/** A run whose clock may have ended, as its row says; times are milliseconds since 1970. */
export interface DueRun {
  readonly taskId: string;
  readonly kind: string;
  readonly mode: string;
  readonly run: number;
  readonly queueDueAt: number | null;
  readonly totalDueAt: number | null;
  readonly runDueAt: number | null;
  readonly cancelDueAt: number | null;
  readonly runExtended: boolean;
  /** The last contact with the endpoint's agent; null when there was none, or no agent. */
  readonly lastContactAt: number | null;
  readonly limits: { readonly queueSeconds: number; readonly totalWaitSeconds: number; readonly probeSeconds: number };
}

/** What a due clock leads to. */
export type ClockVerdict =
  | {
      readonly kind: 'expire';
      readonly cause: ExpiryCause;
      readonly limitSeconds?: number;
      readonly lastContactAt?: string;
    }
  /** The agent is in contact, so its queue clock starts anew from that contact. */
  | { readonly kind: 'move-queue'; readonly dueAt: number }
  /** A silent run of a kind that is not threat mitigation gets a probe and some time to answer it. */
  | { readonly kind: 'probe'; readonly dueAt: number }
  | { readonly kind: 'wait' };

/**
 * Which clock of a run ended. The clocks are independent: each has its own meaning and its own status. Source: agent-protocol.md,
 * "Clocks, never one", and statuses.md, "Ends the server infers".
 */
export function judgeClocks(run: DueRun, now: number): ClockVerdict {
  const contact = run.lastContactAt === null ? {} : { lastContactAt: new Date(run.lastContactAt).toISOString() };
  if (run.cancelDueAt !== null && run.cancelDueAt <= now) return { kind: 'expire', cause: 'cancel-unanswered' };
  if (run.runDueAt !== null && run.runDueAt <= now) {
    const isProbed = run.kind !== 'threat-mitigation' && run.mode !== 'rollback';
    if (isProbed && !run.runExtended) return { kind: 'probe', dueAt: now + run.limits.probeSeconds * 1000 };
    return { kind: 'expire', cause: 'run-clock' };
  }
  if (run.totalDueAt !== null && run.totalDueAt <= now) {
    return { kind: 'expire', cause: 'total-wait', limitSeconds: run.limits.totalWaitSeconds, ...contact };
  }
  if (run.queueDueAt !== null && run.queueDueAt <= now) {
    const fromContact = (run.lastContactAt ?? 0) + run.limits.queueSeconds * 1000;
    if (fromContact > now) return { kind: 'move-queue', dueAt: fromContact };
    return { kind: 'expire', cause: 'queue-clock', limitSeconds: run.limits.queueSeconds, ...contact };
  }
  return { kind: 'wait' };
}
