import type { RunPayload } from '@quell/contracts/run-payload';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import type { TakenDetection, TaskEvent } from '@quell/contracts/task-events';
import type { ExceptionMatch } from '@quell/contracts/task-status';
import type { RunMode, Severity, TaskInitiator, TaskKind } from '@quell/contracts/vocabulary';
import { type ClockSettings, firstMode, runTimeoutSeconds } from './settings.ts';

/** What a new task is opened for. */
export interface Opening {
  readonly kind: TaskKind;
  readonly initiator: TaskInitiator;
  readonly severity: Severity;
  readonly endpoint: TaskEndpoint;
  readonly payload: RunPayload;
  readonly threatKey?: string;
  readonly detection?: TakenDetection;
}

/**
 * Opens a task. An exception that covers the endpoint ends its first run at once (status 9). A target without path or hash is left out:
 * without any other the agent scans its roots, and what it does not find is never "gone" (statuses.md, the fold).
 */
export function openTask(
  opening: Opening,
  policy: { readonly assessFirst: boolean; readonly clocks: ClockSettings },
  exception?: ExceptionMatch,
): readonly TaskEvent[] {
  const mode = firstMode(opening.kind, policy.assessFirst);
  const targets = opening.payload.targets.filter(({ path, sha256 }) => path !== undefined || sha256 !== undefined);
  const payload = { ...opening.payload, targets };
  const opened: TaskEvent = {
    type: 'TaskOpened',
    data: { ...opening, payload, mode, runTimeoutSeconds: runTimeoutSeconds(policy.clocks, mode, payload) },
  };
  if (exception === undefined) return [opened];
  return [opened, { type: 'MitigationExcepted', data: { run: 1, exception } }];
}

/** Whether a run changes the endpoint: one of those at a time per endpoint. An assessment only looks. */
export function changesState(mode: RunMode): boolean {
  return mode !== 'assess';
}
