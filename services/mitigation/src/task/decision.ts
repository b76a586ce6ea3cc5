import type { TaskEvent } from '@quell/contracts/task-events';

/** Why a task's state refuses a command. `detail` is for people; `code` for programs. */
export interface Refusal {
  readonly code:
    | 'in-progress'
    | 'not-in-progress'
    | 'wrong-status'
    | 'nothing-to-restore'
    | 'not-due'
    | 'already-cancelled';
  readonly detail: string;
}

/** What a command does to a task: events to append (none: nothing changes), or why not. */
export type Decision =
  | { readonly ok: true; readonly events: readonly TaskEvent[] }
  | { readonly ok: false; readonly refusal: Refusal };

export const decided = (...events: TaskEvent[]): Decision => ({ ok: true, events });

export const refused = (code: Refusal['code'], detail: string): Decision => ({ ok: false, refusal: { code, detail } });
