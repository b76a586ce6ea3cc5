import { isContentState, isTimeout } from '@quell/event-store/transient';
import type { FailureKind } from '@quell/messaging/dead-letters';
import { InboxFenced } from '@quell/service-kit/inbox';
import { Undecidable } from '../task/undecidable.ts';
import { isConflict } from '../task-store/conflict.ts';

/**
 * What a failed transaction means for its batch (design.md, "Kafka in"). Only what Postgres refuses as data, and what the pure decision
 * on the messages throws, is blamed on them. Everything else may pass when somebody mends it, a missing right or table or a bug of
 * ours as well as a lost connection: it waits, and shows in the log and in liveness.
 */
export function classify(error: unknown): FailureKind {
  if (error instanceof InboxFenced) return 'fenced';
  if (isConflict(error)) return 'conflict';
  if (isTimeout(error)) return 'timeout';
  return error instanceof Undecidable || isContentState(error) ? 'content' : 'transient';
}
