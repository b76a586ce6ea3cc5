import type { TaskEvent } from '@quell/contracts/task-events';
import { append } from '@quell/event-store/append';
import { load } from '@quell/event-store/load';
import { retryingOn } from '@quell/service-kit/retrying';
import type { ClientBase, Pool, PoolClient } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import { evolve, foldTask } from '../task/evolve.ts';
import type { RecordedTaskEvent, Task } from '../task/task.ts';
import { deciding } from '../task/undecidable.ts';
import { isConflict, isDeadlock, TaskConflict } from './conflict.ts';
import { syncRows, type Transition } from './rows.ts';
import { type Envelope, newEvent, recordedEvent } from './stream.ts';

/** Events to add to one task's stream. */
export interface TaskChange {
  readonly taskId: string;
  /** The task they were decided on; undefined for a new task, or where only the stream's version was read. */
  readonly before?: Task;
  /** 0 for a new task. */
  readonly expectedVersion: number;
  readonly events: readonly { readonly id: string; readonly event: TaskEvent; readonly envelope: Envelope }[];
}

/** Tasks by id, folded from their streams; absent ones are left out. A read only: it may stand before an append. */
export async function loadTasks(client: ClientBase, taskIds: readonly string[]): Promise<Map<string, Task>> {
  const streams = await load(client, SCHEMA, [...new Set(taskIds)]);
  const tasks = new Map<string, Task>();
  for (const [taskId, events] of streams) {
    const task = foldTask(events.map(recordedEvent));
    if (task !== undefined) tasks.set(taskId, task);
  }
  return tasks;
}

/**
 * Appends to any number of tasks in one call and brings the rows beside them up to date: work, clocks, which task takes a detection.
 * Has to be the first write of its transaction. Returns the tasks after the change where they are known.
 *
 * @throws TaskConflict when a stream moved on or an event is there already; Undecidable when the events cannot be folded
 */
export async function commitTasks(
  client: ClientBase,
  changes: readonly TaskChange[],
  policy: EffectivePolicy,
): Promise<Map<string, Task>> {
  const filled = changes.filter(({ events }) => events.length > 0);
  if (filled.length === 0) return new Map();
  const appended = await append(
    client,
    SCHEMA,
    filled.map(({ taskId, expectedVersion, events }) => ({
      streamId: taskId,
      expectedVersion,
      events: events.map(({ id, event, envelope }) => newEvent(event, id, envelope)),
    })),
  );
  if (!appended.ok) {
    throw new TaskConflict(`changed by somebody else: ${[...appended.conflicts, ...appended.duplicates].join(', ')}`);
  }
  const transitions: Transition[] = [];
  for (const change of filled) {
    if (change.before === undefined && change.expectedVersion > 0) continue;
    const recordedAt = appended.streams.get(change.taskId)!.recordedAt.toISOString();
    const after = deciding(() => evolved(change, recordedAt));
    transitions.push({ taskId: change.taskId, before: change.before, after });
  }
  await syncRows(client, transitions, policy);
  return new Map(transitions.map(({ taskId, after }) => [taskId, after]));
}

function evolved({ before, expectedVersion, events }: TaskChange, recordedAt: string): Task {
  let task = before;
  events.forEach(({ id, event, envelope }, index) => {
    const version = expectedVersion + index + 1;
    task = evolve(task, { ...event, id, version, recordedAt, actor: envelope.actor } as RecordedTaskEvent);
  });
  return task!;
}

/**
 * Runs `work` in a transaction, again from its beginning when it met a conflict or a deadlock.
 *
 * @throws ProblemError 503 after `tries` of them in a row, with what was met last as its cause
 */
export function retryingConflicts<T>(pool: Pool, work: (client: PoolClient) => Promise<T>, tries = 8): Promise<T> {
  return retryingOn(
    (error) => isConflict(error) || isDeadlock(error),
    pool,
    (client) => work(client),
    tries,
  );
}
