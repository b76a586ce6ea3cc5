import { randomUUID } from 'node:crypto';
import { append } from '@quell/event-store/append';
import type { ClientBase } from 'pg';
import { APPENDS_PER_STREAM, data, type, type Writer } from './writer.ts';

/** Through the event store, each append a transaction of its own. */
export function quellWriter(client: ClientBase, events: number): Writer {
  let streamId = randomUUID() as string;
  let version = 0;
  return async () => {
    const correlationId = randomUUID();
    const fresh = Array.from({ length: events }, () => ({
      id: randomUUID(),
      type,
      schemaVersion: 1,
      data,
      occurredAt: new Date(),
      correlationId,
      causationId: correlationId,
      actor: 'source:edr',
    }));
    const result = await append(client, 'quell', [{ streamId, expectedVersion: version, events: fresh }]);
    if (!result.ok) throw new Error('an append was refused');
    version += events;
    if (version === APPENDS_PER_STREAM * events) {
      streamId = randomUUID();
      version = 0;
    }
  };
}
