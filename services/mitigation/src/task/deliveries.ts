import type { Capability } from '@quell/contracts/agent-protocol';
import type { ExpiryCause, LossReason, TaskEvent } from '@quell/contracts/task-events';
import type { ExceptionMatch } from '@quell/contracts/task-status';
import { assertNever } from '@quell/contracts/vocabulary';
import { type Decision, decided, refused } from './decision.ts';
import { isInProgress, type Task } from './task.ts';

/** Lost deliveries that end a run. */
export const MAX_LOST_DELIVERIES = 3;
/** Agent crashes that end a run. */
export const MAX_CRASHES = 2;

/** Why a delivery counts as lost; what is taken from a replaced agent does not. */
export type LostReason = Exclude<LossReason, 'agent-replaced'>;

/** Hands the current run to an agent, unless an exception covers the endpoint or the agent cannot run it. `now` is RFC 3339. */
export function dispatch(
  task: Task,
  handOut: {
    readonly now: string;
    readonly agentId: string;
    readonly capabilities: readonly Capability[];
    readonly leaseSeconds: number;
    readonly exception?: ExceptionMatch;
  },
): Decision {
  if (task.status.code !== 'mitigation-in-progress' || task.status.phase !== 'queued') {
    return refused('not-due', 'the run is not waiting for hand-out');
  }
  if (task.cancel?.run === task.run.number) return refused('already-cancelled', 'the run was asked to stop');
  const { number: run, mode } = task.run;
  // What it did on the endpoint is known to the agent that accepted it, and to no other.
  if (task.run.firstAcceptedAt !== undefined && task.run.agentId !== handOut.agentId) return replaceAgent(task);
  if (Date.parse(task.run.notBefore) > Date.parse(handOut.now)) {
    return refused('not-due', `the run is not handed out before ${task.run.notBefore}`);
  }
  if (handOut.exception !== undefined && mode !== 'rollback' && task.run.firstAttempt === 0) {
    return decided({ type: 'MitigationExcepted', data: { run, exception: handOut.exception } });
  }
  const scanCapable = handOut.capabilities.includes('scan');
  if (!handOut.capabilities.includes(mode)) {
    return decided({ type: 'PlatformExcluded', data: { run, scanOffered: scanCapable } });
  }
  const { agentId, leaseSeconds } = handOut;
  return decided({
    type: 'TaskDispatched',
    data: { run, attempt: task.attempt + 1, agentId, leaseSeconds, scanCapable },
  });
}

/** The latest delivery is lost: the agent does not know it. The run goes back to the queue, or ends at the third loss. */
export function loseDelivery(task: Task, reason: LostReason): Decision {
  if (task.status.code !== 'mitigation-in-progress' || task.status.phase === 'queued') {
    return refused('not-in-progress', 'no delivery of the run is out');
  }
  const run = task.run.number;
  const lost: TaskEvent = { type: 'AttemptLost', data: { run, attempt: task.attempt, reason } };
  if (task.run.lostDeliveries + 1 < MAX_LOST_DELIVERIES) return decided(lost);
  return decided(lost, { type: 'RunExpired', data: { run, cause: 'lost-deliveries' } });
}

/** The agent started anew while it worked on the run. The second time, the run ends. A boot counts once. */
export function countCrash(task: Task, bootId: string): Decision {
  if (task.status.code !== 'mitigation-in-progress' || task.status.phase !== 'accepted') {
    return refused('not-in-progress', 'no agent is working on the run');
  }
  if (task.run.crashBootId === bootId) return decided();
  const run = task.run.number;
  const crashed: TaskEvent = { type: 'AgentCrashed', data: { run, attempt: task.attempt, bootId } };
  if (task.run.crashes + 1 < MAX_CRASHES) return decided(crashed);
  return decided(crashed, { type: 'RunExpired', data: { run, cause: 'agent-crashes' } });
}

/**
 * The agent's place was taken by another. An accepted run ends, also one that waits in the queue again; one not yet accepted goes back
 * to the queue for the new agent, which is no lost delivery: nothing went wrong with it.
 * Source: agent-protocol.md, Identity.
 */
export function replaceAgent(task: Task): Decision {
  if (!isInProgress(task)) return decided();
  if (task.run.firstAcceptedAt !== undefined) {
    return decided({ type: 'RunExpired', data: { run: task.run.number, cause: 'agent-replaced' } });
  }
  if (task.status.code === 'mitigation-in-progress' && task.status.phase === 'dispatched') {
    const { attempt, run } = task;
    return decided({ type: 'AttemptLost', data: { run: run.number, attempt, reason: 'agent-replaced' } });
  }
  return decided();
}

/** Ends a run that nobody reported the end of, if the cause fits its state. */
export function expireRun(
  task: Task,
  cause: ExpiryCause,
  facts: { limitSeconds?: number; lastContactAt?: string } = {},
): Decision {
  if (!isInProgress(task)) return refused('not-in-progress', 'the task ended already');
  if (!fits(task, cause)) return refused('not-due', `the run's state does not allow it to end by ${cause}`);
  return decided({ type: 'RunExpired', data: { run: task.run.number, cause, ...facts } });
}

function fits(task: Task, cause: ExpiryCause): boolean {
  const accepted = task.run.firstAcceptedAt !== undefined;
  switch (cause) {
    case 'queue-clock':
    case 'total-wait':
      return !accepted;
    case 'run-clock':
    case 'lost-over-restart':
    case 'agent-replaced':
      return accepted;
    case 'lost-deliveries':
      return task.run.lostDeliveries >= MAX_LOST_DELIVERIES;
    case 'agent-crashes':
      return task.run.crashes >= MAX_CRASHES;
    case 'cancel-unanswered':
      return task.cancel?.run === task.run.number;
    default:
      return assertNever(cause);
  }
}
