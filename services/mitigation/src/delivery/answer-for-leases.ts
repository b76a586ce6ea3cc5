import type { HeldRun } from './leases.ts';

/** What a check-in says of the runs its agent has. */
export interface Listed {
  readonly bootId: string;
  readonly running: readonly { readonly taskId: string; readonly run: number }[];
  /** Runs whose result waits in the journal. */
  readonly journalPending: readonly { readonly taskId: string; readonly run: number }[];
}

/** What follows for one held run. */
export type LeaseVerdict =
  /** The agent has it: its lease is renewed. `crashed` when it lists it from a new boot. */
  | { readonly kind: 'known'; readonly held: HeldRun; readonly crashed: boolean }
  /** The agent does not know it, and had to answer for it. */
  | { readonly kind: 'unknown'; readonly held: HeldRun; readonly overRestart: boolean }
  /** No sign of it for too long: the next check-in has to answer. */
  | { readonly kind: 'probe'; readonly held: HeldRun }
  /** Just handed out: the agent may not have said so yet. */
  | { readonly kind: 'wait'; readonly held: HeldRun };

/**
 * Holds a check-in against the runs that the server thinks its agent has. A new bootId answers for every lease of the old boot at once;
 * within one boot only a probe makes an agent answer. Source: agent-protocol.md, Delivery 3–5 and the check-in.
 */
export function answerForLeases(heldRuns: readonly HeldRun[], listed: Listed): LeaseVerdict[] {
  const lists = (entries: Listed['running'], held: HeldRun) =>
    entries.some(({ taskId, run }) => taskId === held.taskId && run === held.run);
  return heldRuns.map((held) => {
    const isNewBoot = held.bootId !== null && held.bootId !== listed.bootId;
    if (lists(listed.journalPending, held)) return { kind: 'known', held, crashed: false };
    if (lists(listed.running, held)) return { kind: 'known', held, crashed: isNewBoot && held.phase === 'accepted' };
    if (isNewBoot || held.probed) return { kind: 'unknown', held, overRestart: isNewBoot && held.phase === 'accepted' };
    return { kind: held.isSilent ? 'probe' : 'wait', held };
  });
}
