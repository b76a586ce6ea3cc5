import { randomUUID } from 'node:crypto';
import { deviceFacts } from '@quell/contracts/device';
import type { DeviceEvent } from '@quell/contracts/device-events';
import { append } from '@quell/event-store/append';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { evolve } from '../device/evolve.ts';
import { syncRows } from './rows.ts';
import { newEvent, streamIdOf } from './stream.ts';

/** Stores a device as a version of ours did that refused no ids. */
export async function storeEarlierDevice(pool: Pool, id: string, facts: object = {}): Promise<void> {
  const event: DeviceEvent = {
    type: 'DeviceRegistered',
    data: { ...deviceFacts.parse(facts), id, source: 'api' },
  };
  const envelope = { actor: 'test', correlationId: randomUUID(), occurredAt: new Date() };
  const streamId = streamIdOf(id);
  await inTransaction(pool, async (client) => {
    const events = [newEvent(event, randomUUID(), envelope)];
    const appended = await append(client, SCHEMA, [{ streamId, expectedVersion: 0, events }]);
    if (!appended.ok) throw new Error(`there is a device ${id} already`);
    const recordedAt = appended.streams.get(streamId)!.recordedAt.toISOString();
    await syncRows(client, [{ before: undefined, after: evolve(undefined, { ...event, version: 1, recordedAt }) }]);
  });
}
