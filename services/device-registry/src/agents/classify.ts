import { isContentState, isTimeout, sqlStateOf } from '@quell/event-store/transient';
import type { FailureKind } from '@quell/messaging/dead-letters';
import { InboxFenced } from '@quell/service-kit/inbox';
import { isConflict } from '../device-store/conflict.ts';

/**
 * What a failed transaction means for its batch (design.md, "Kafka in"): only what Postgres refuses as data is blamed on the records.
 * A unique violation is somebody who was faster.
 */
export function classify(error: unknown): FailureKind {
  if (error instanceof InboxFenced) return 'fenced';
  if (isConflict(error) || sqlStateOf(error) === '23505') return 'conflict';
  if (isTimeout(error)) return 'timeout';
  return isContentState(error) ? 'content' : 'transient';
}
