import type { CheckInRequest, CheckInResponse, HandedTask } from '@quell/contracts/agent-protocol';
import type { Pool } from 'pg';
import type { LastSeen } from '../agents/last-seen.ts';
import type { PollSettings } from '../agents/poll-settings.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import type { CheckInGate } from './check-in-gate.ts';
import { type Asking, handOut, nextDueMs } from './hand-out.ts';
import { type HeldRun, loadHeldRuns } from './leases.ts';
import type { OnTaskChange } from './on-task-change.ts';
import { reconcileLeases } from './reconcile.ts';
import { takeReports } from './take-reports.ts';
import type { Wakes } from './wakes.ts';

export interface CheckInParts {
  /** For what agents report, also in a check-in. */
  readonly pool: Pool;
  /** For all else that a check-in does: these connections are its own, and behind the gate. */
  readonly checkInPool: Pool;
  readonly gate: CheckInGate;
  readonly policies: PolicyStore;
  readonly wakes: Wakes;
  readonly lastSeen: LastSeen;
  readonly poll: PollSettings;
  readonly onTaskChange: OnTaskChange;
}

/** During a hold the agent counts as in contact: noted so often, in milliseconds. */
const CONTACT_EVERY_MS = 30_000;
/** No hold is as long; timers take no number of any size. */
const LONGEST_HOLD_MS = 3_600_000;
/** Holds end spread out, so that agents that came together do not come back together. */
const JITTER = 0.2;

/**
 * One check-in: its events first, so that a finished task frees its place; then the leases; then work. Without any of it the answer
 * is held until there is work or `waitSeconds` are over. `signal` ends the hold: the client is gone or the service stops.
 */
export async function checkIn(
  parts: CheckInParts,
  agent: { readonly agentId: string; readonly endpointId: string },
  checkInId: string,
  request: CheckInRequest,
  signal: AbortSignal,
): Promise<CheckInResponse> {
  const { checkInPool: pool, gate, policies, wakes } = parts;
  const policy = await policies.current();
  const sender = { agentId: agent.agentId, bootId: request.bootId };
  const reports = await takeReports(
    parts.pool,
    policy,
    sender,
    request.events.map(({ taskId, attempt, ...body }) => ({ taskId, attempt, body })),
  );
  const { probes, changed } = await gate.run(() => reconcileLeases(pool, policy, agent.agentId, checkInId, request));
  if (changed || reports.outcomes.length > 0) parts.onTaskChange([]);
  const asking: Asking = { ...agent, bootId: request.bootId, capabilities: request.capabilities };
  const answer = (tasks: HandedTask[], stops: readonly HeldRun[]): CheckInResponse => ({
    outcomes: reports.outcomes,
    tasks,
    cancels: stops.map(refOf),
    probes: probes.map(refOf),
    serverTime: new Date().toISOString(),
    nextPollSeconds: parts.poll.nextPollSeconds,
  });
  const held = Math.min(request.waitSeconds, parts.poll.holdSeconds) * (1 - Math.random() * JITTER);
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), Math.round(Math.max(0, held) * 1000));
  const deadline = AbortSignal.any([signal, over.signal]);
  const contact = setInterval(() => parts.lastSeen.seen(agent.agentId, new Date()), CONTACT_EVERY_MS);
  try {
    for (;;) {
      // Listening before looking: work, or a cancel, that comes in between rings the bell.
      const turn = new AbortController();
      const woken = wakes.next(agent.endpointId, AbortSignal.any([deadline, turn.signal]));
      const { stops, tasks, dueMs } = await gate.run(async () => {
        // Before the hand-out: what falls due in between is handed out or has its timer.
        const dueMs = await nextDueMs(pool, agent.endpointId);
        const stops = await cancelsOf(pool, policy, agent.agentId);
        // Nobody is there to take work once the client is gone; a lease would be lost.
        const tasks = signal.aborted ? [] : await handOut(pool, policy, asking, checkInId);
        return { stops, tasks, dueMs };
      });
      if (tasks.length > 0) parts.onTaskChange([]);
      const isDue = tasks.length + stops.length + probes.length + reports.outcomes.length > 0;
      if (isDue || deadline.aborted) return answer(tasks, stops);
      // Work whose time comes during the hold: nobody rings for it.
      const due =
        dueMs === undefined ? undefined : setTimeout(() => turn.abort(), Math.min(dueMs + 1, LONGEST_HOLD_MS));
      await woken;
      clearTimeout(due);
      if (signal.aborted) return answer([], []);
    }
  } finally {
    clearInterval(contact);
    clearTimeout(timer);
    over.abort();
  }
}

/** What operators want stopped. During a hold the agent's lists grow old: it answers for its leases next time. */
async function cancelsOf(pool: Pool, { clocks }: EffectivePolicy, agentId: string): Promise<HeldRun[]> {
  return (await loadHeldRuns(pool, agentId, clocks)).filter(({ cancelRequested }) => cancelRequested);
}

const refOf = ({ taskId, run, attempt }: HeldRun) => ({ taskId, run, attempt });
