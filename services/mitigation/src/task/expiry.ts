import type { TaskEventData } from '@quell/contracts/task-events';
import type { TaskStatus } from '@quell/contracts/task-status';
import { assertNever } from '@quell/contracts/vocabulary';
import type { Task } from './task.ts';

/** The status of a run that nobody reported the end of. Source: statuses.md, "Ends the server infers". */
export function statusOfExpiry(task: Task, expired: TaskEventData<'RunExpired'>): TaskStatus {
  const limit = expired.limitSeconds === undefined ? {} : { limitSeconds: expired.limitSeconds };
  const contact = expired.lastContactAt === undefined ? {} : { lastContactAt: expired.lastContactAt };
  const accepted = task.run.firstAcceptedAt !== undefined;
  switch (expired.cause) {
    case 'queue-clock':
      return { code: 'cannot-connect-to-endpoint', ...limit, ...contact };
    case 'total-wait':
      if (task.run.mode === 'rollback') return { code: 'cannot-connect-to-endpoint', ...limit, ...contact };
      return { code: 'incomplete-task', reason: 'total-wait-over', ...limit };
    case 'run-clock':
      if (task.run.mode === 'rollback') return { code: 'rollback-unsuccessful', items: unreportedItems(task) };
      if (task.kind === 'threat-mitigation') {
        return { code: 'mitigation-timeout', limitSeconds: expired.limitSeconds ?? task.run.runTimeoutSeconds };
      }
      return { code: 'incomplete-task', reason: 'silent-scan', ...limit };
    case 'lost-deliveries':
      if (task.run.mode === 'rollback') {
        return accepted
          ? { code: 'rollback-unsuccessful', items: unreportedItems(task) }
          : { code: 'cannot-connect-to-endpoint', ...contact };
      }
      return { code: 'incomplete-task', reason: 'lost-deliveries' };
    case 'agent-crashes':
      return { code: 'incomplete-task', reason: 'agent-crashed' };
    case 'lost-over-restart':
      return { code: 'incomplete-task', reason: 'lost-over-restart' };
    case 'agent-replaced':
      return { code: 'incomplete-task', reason: 'agent-replaced' };
    case 'cancel-unanswered':
      return { code: 'incomplete-task', reason: 'cancelled' };
    default:
      return assertNever(expired.cause);
  }
}

function unreportedItems(task: Task) {
  return (task.run.payload.items ?? []).map(({ id }) => ({
    id,
    restored: false,
    reason: 'not-reported' as const,
  }));
}
