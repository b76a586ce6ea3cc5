import { deviceRecord } from '@quell/contracts/device-record';
import { jsonPointer } from '@quell/contracts/problem';
import { topics } from '@quell/contracts/topics';
import type { Broker, BrokerMessage, Consumer } from '@quell/messaging/broker';
import { type Decoded, type Slice, withDeadLetters } from '@quell/messaging/dead-letters';
import { saveDeadLetters } from '@quell/service-kit/dead-letter-table';
import { inboxOf } from '@quell/service-kit/inbox';
import type { Log } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';
import { classify } from '../database/classify.ts';
import { SCHEMA } from '../database/schema.ts';
import { type DeviceChange, takeDeviceChanges } from './known-devices.ts';

const { loadOffsets, moveInbox, requireKnownCluster } = inboxOf(SCHEMA, 'devices');

/**
 * Takes `devices.v1` into the table of known devices: one batch of one partition is one transaction. Each record says all that is to know of
 * its device, so nothing is parked: where one cannot be read, the next of its key makes up for it.
 *
 * @throws UnknownCluster when the broker is not the one the stored offsets belong to
 */
export async function startDeviceConsumer(parts: {
  readonly pool: Pool;
  readonly broker: Broker;
  readonly log: Log;
  /** Members of one group share the partitions. */
  readonly group?: string;
}): Promise<Consumer> {
  const { pool, broker, log, group = 'vpn-policy-devices' } = parts;
  const clusterId = await broker.admin.clusterId();
  await requireKnownCluster(pool, clusterId);

  async function apply(slice: Slice<DeviceChange>): Promise<void> {
    await inTransaction(pool, async (client) => {
      await takeDeviceChanges(
        client,
        slice.items.map(({ value }) => value),
      );
      await saveDeadLetters(client, SCHEMA, slice.deadLetters);
      await moveInbox(client, clusterId, slice);
    });
  }

  return broker.consume({
    group,
    topics: [topics.devices],
    startOffsets: (assigned) => loadOffsets(pool, clusterId, assigned),
    handle: withDeadLetters({
      service: 'vpn-policy',
      decode: decodeDevice,
      apply,
      classify,
      publish: (records) => broker.publish(topics.deadLetters, records),
      now: () => new Date(),
      logger: log,
    }),
  });
}

/** Reads one record of `devices.v1`, or says why it is none. */
export function decodeDevice({ key, value }: BrokerMessage): Decoded<DeviceChange> {
  if (key === null) return { reason: 'it has no key' };
  if (value === null) return { value: { id: key, record: undefined } };
  let json: unknown;
  try {
    json = JSON.parse(value.toString('utf8'));
  } catch {
    return { reason: 'the value is not JSON' };
  }
  const parsed = deviceRecord.safeParse(json);
  if (parsed.success) return { value: { id: key, record: parsed.data } };
  const [issue] = parsed.error.issues;
  return { reason: `${jsonPointer(issue?.path ?? [])}: ${issue?.message}` };
}
