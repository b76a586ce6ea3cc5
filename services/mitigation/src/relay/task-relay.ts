import { topics } from '@quell/contracts/topics';
import type { StoredEvent } from '@quell/event-store/event';
import { load } from '@quell/event-store/load';
import type { Relay } from '@quell/event-store/relay';
import type { OutgoingMessage } from '@quell/messaging/broker';
import { PublishFailed } from '@quell/messaging/broker-errors';
import { cloudEventHeaders } from '@quell/messaging/cloudevents';
import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { evolve } from '../task/evolve.ts';
import type { Task } from '../task/task.ts';
import { recordedEvent } from '../task-store/stream.ts';
import { taskAfterOf } from '../views/task-dto.ts';
import { recordValue } from './record-value.ts';

const REMEMBERED_TASKS = 10_000;

/**
 * Publishes every task event on `tasks.v1`, keyed by task, with what the task is after it. The feed gives each stream in order, so the
 * state before an event is the state after the last one, or is folded from the stream when it was forgotten.
 */
export function taskRelay(pool: Pool, publish: (messages: readonly OutgoingMessage[]) => Promise<void>): Relay {
  const remembered = new LRUCache<string, Task>({ max: REMEMBERED_TASKS });

  async function statesBefore(events: readonly StoredEvent[]): Promise<Map<string, Task>> {
    const first = new Map<string, StoredEvent>();
    for (const event of events) if (!first.has(event.streamId)) first.set(event.streamId, event);
    const states = new Map<string, Task>();
    const missing: string[] = [];
    for (const [taskId, { version }] of first) {
      const task = remembered.get(taskId);
      if (version === 1) continue;
      if (task?.version === version - 1) states.set(taskId, task);
      else missing.push(taskId);
    }
    const streams = missing.length === 0 ? new Map<string, StoredEvent[]>() : await load(pool, SCHEMA, missing);
    for (const [taskId, stream] of streams) {
      const before = stream.filter(({ version }) => version < first.get(taskId)!.version);
      const task = before.reduce<Task | undefined>((state, event) => evolve(state, recordedEvent(event)), undefined);
      if (task !== undefined) states.set(taskId, task);
    }
    return states;
  }

  return {
    name: 'tasks_v1',
    version: 1,
    schema: SCHEMA,
    async publish(events) {
      const states = await statesBefore(events);
      const messages = events.map((event) => {
        const task = evolve(states.get(event.streamId), recordedEvent(event));
        states.set(event.streamId, task);
        return messageOf(event, task);
      });
      await publish(messages);
      for (const [taskId, task] of states) remembered.set(taskId, task);
    },
    // Refused for good, such as an event too large even without its lists: parked, so that it does not keep all other tasks back.
    isPoison: (error) => error instanceof PublishFailed && !error.transient,
  };
}

/** The topic the relay publishes to. */
export const relayTopic = topics.tasks;

function messageOf(event: StoredEvent, task: Task): OutgoingMessage {
  return {
    key: event.streamId,
    value: recordValue(event.streamId, event.data, taskAfterOf(task)),
    headers: cloudEventHeaders({
      id: event.id,
      source: '/quell/mitigation',
      type: `quell.task.${event.type}`,
      subject: event.streamId,
      time: event.recordedAt,
      extensions: {
        correlationid: event.correlationId,
        streamversion: String(event.version),
        ...(event.causationId == null ? {} : { causationid: event.causationId }),
        ...(event.traceparent == null ? {} : { traceparent: event.traceparent }),
      },
    }),
  };
}
