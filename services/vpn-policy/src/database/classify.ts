import { isContentState, isTimeout } from '@quell/event-store/transient';
import type { FailureKind } from '@quell/messaging/dead-letters';
import { InboxFenced } from '@quell/service-kit/inbox';

/** What a failed transaction means for its batch: only what Postgres refuses as data is blamed on the records. */
export function classify(error: unknown): FailureKind {
  if (error instanceof InboxFenced) return 'fenced';
  if (isTimeout(error)) return 'timeout';
  return isContentState(error) ? 'content' : 'transient';
}
