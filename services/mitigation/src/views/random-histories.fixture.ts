import { randomUUID } from 'node:crypto';
import { append } from '@quell/event-store/append';
import { load } from '@quell/event-store/load';
import { inTransaction } from '@quell/service-kit/transaction';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { foldTask } from '../task/evolve.ts';
import type { RecordedTaskEvent, Task } from '../task/task.ts';
import { eventsOf, sampleWalks } from '../task/walk.fixture.ts';
import { newEvent, recordedEvent } from '../task-store/stream.ts';

/**
 * Stores legal histories of so many tasks, their events mixed and several streams to an append, so that tasks share their times.
 * Returns the ids of the tasks. `seed` makes them again.
 */
export async function storeHistories(pool: Pool, count: number, seed: number): Promise<string[]> {
  const walks = sampleWalks(seed, count);
  const picks = fc.sample(fc.infiniteStream(fc.nat(1_000_000)), { seed, numRuns: 1 })[0]!;
  const left = walks.map((turns) => ({ taskId: randomUUID(), at: 0, events: eventsOf(turns) }));
  const ids = left.map(({ taskId }) => taskId);
  // One endpoint each, but for a few that share one.
  const endpointOf = new Map(ids.map((id, index) => [id, index % 5 === 0 ? ids[0]! : id]));
  while (left.length > 0) {
    const chosen = new Set(Array.from({ length: 4 }, () => left[(picks.next().value as number) % left.length]!));
    const appends = [...chosen].map((one) => {
      const events = one.events.slice(one.at, one.at + 1 + ((picks.next().value as number) % 3));
      const expectedVersion = one.at;
      one.at += events.length;
      return {
        streamId: one.taskId,
        expectedVersion,
        events: events.map((event) => asNew(event, one.taskId, endpointOf)),
      };
    });
    const stored = await inTransaction(pool, (client) => append(client, SCHEMA, appends));
    if (!stored.ok) throw new Error('a history could not be stored');
    for (const one of chosen) if (one.at === one.events.length) left.splice(left.indexOf(one), 1);
  }
  return ids;
}

function asNew(event: RecordedTaskEvent, taskId: string, endpointOf: ReadonlyMap<string, string>) {
  const { type, data, recordedAt } = event;
  const endpoint = { endpointId: endpointOf.get(taskId)!, hostname: `host-${endpointOf.get(taskId)}`, ips: [] };
  const located = type === 'TaskOpened' ? { type, data: { ...data, endpoint } } : { type, data };
  const envelope = { actor: 'test', correlationId: taskId, occurredAt: new Date(recordedAt) };
  return newEvent(located as RecordedTaskEvent, randomUUID(), envelope);
}

/** A task folded from its stream, up to a version if one is given. */
export async function foldOf(
  pool: Pool,
  taskId: string,
  version = Number.POSITIVE_INFINITY,
): Promise<Task | undefined> {
  const events = (await load(pool, SCHEMA, [taskId])).get(taskId) ?? [];
  return foldTask(events.filter((event) => event.version <= version).map(recordedEvent));
}
