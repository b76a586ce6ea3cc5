import { randomUUID } from 'node:crypto';
import type { NewEvent } from './event.ts';

/** An event that differs from every other. */
export function someEvent(): NewEvent {
  return {
    id: randomUUID(),
    type: 'Something',
    schemaVersion: 1,
    data: { number: Math.random() },
    occurredAt: new Date(),
    correlationId: randomUUID(),
    actor: 'system:test',
  };
}

export function someEvents(count: number): NewEvent[] {
  return Array.from({ length: count }, someEvent);
}
