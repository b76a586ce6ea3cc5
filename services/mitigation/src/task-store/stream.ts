import { TASK_EVENT_VERSION, type TaskEvent } from '@quell/contracts/task-events';
import { uuidv5 } from '@quell/contracts/uuidv5';
import type { NewEvent, StoredEvent } from '@quell/event-store/event';
import type { RecordedTaskEvent } from '../task/task.ts';

/** Who and what made an event, and when it happened out there. */
export interface Envelope {
  /** `source:<name>`, `agent:<id>`, `key:<name>`, `endpoint-user:<agentId>` or `clock`. */
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly occurredAt: Date;
  readonly traceparent?: string;
}

/** The id of the n-th event that one cause adds to one task: a replay of the cause makes the same ids. */
export function eventIdOf(taskId: string, causeId: string, index: number): string {
  return uuidv5(`${causeId}:${index}`, taskId);
}

export function newEvent(event: TaskEvent, id: string, envelope: Envelope): NewEvent {
  return { id, type: event.type, schemaVersion: TASK_EVENT_VERSION, data: event.data, ...envelope };
}

/** A stored event as the fold reads it. The store is trusted: its events were validated when they came in. */
export function recordedEvent(stored: StoredEvent): RecordedTaskEvent {
  return {
    type: stored.type,
    data: stored.data,
    id: stored.id,
    version: stored.version,
    recordedAt: stored.recordedAt.toISOString(),
    actor: stored.actor,
  } as RecordedTaskEvent;
}
