import { deviceRecord } from '@quell/contracts/device-record';
import { jsonPointer } from '@quell/contracts/problem';
import { topics } from '@quell/contracts/topics';
import { deviceId, hostname, ipAddress, macAddress } from '@quell/contracts/vocabulary';
import type { Broker, BrokerMessage, Consumer } from '@quell/messaging/broker';
import { type Decoded, withDeadLetters } from '@quell/messaging/dead-letters';
import { saveDeadLetters } from '@quell/service-kit/dead-letter-table';
import type { Log } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';
import { z } from 'zod';
import { SCHEMA } from '../database/schema.ts';
import { classify } from '../detections/classify.ts';
import { loadOffsets, moveInbox, requireKnownCluster } from '../detections/inbox.ts';
import { type DeviceNews, takeDevices } from './known-devices.ts';

export interface DeviceConsumerParts {
  readonly pool: Pool;
  readonly broker: Broker;
  readonly log: Log;
}

/** Smaller than that of detections: each device is looked for among the machines, and a transaction stays below a second. */
const MOST_AT_ONCE = 200;

/**
 * Follows the registry's devices. A key is never parked: each record is the whole device, so the next one makes up for one that could not
 * be taken.
 *
 * @throws UnknownCluster when the broker is not the one the stored offsets belong to
 */
export async function startDeviceConsumer({ pool, broker, log }: DeviceConsumerParts): Promise<Consumer> {
  const clusterId = await broker.admin.clusterId();
  await requireKnownCluster(pool, clusterId);
  return broker.consume({
    group: 'mitigation-devices',
    topics: [topics.devices],
    maxBatch: MOST_AT_ONCE,
    partitionsConcurrently: 1,
    startOffsets: (assigned) => loadOffsets(pool, clusterId, assigned),
    handle: withDeadLetters<DeviceNews>({
      service: 'mitigation',
      decode: decodeDevice,
      apply: async (slice) => {
        await inTransaction(pool, async (client) => {
          await takeDevices(
            client,
            slice.items.map(({ value }) => value),
            new Date(),
          );
          await saveDeadLetters(client, SCHEMA, slice.deadLetters);
          await moveInbox(client, clusterId, slice);
        });
      },
      classify,
      publish: (records) => broker.publish(topics.deadLetters, records),
      now: () => new Date(),
      logger: log,
    }),
  });
}

/** What is compared has to have its form: an address that is none would stop every match that it takes part in. How many there are is the registry's business. */
const comparableRecord = deviceRecord.extend({
  hostnames: z.array(hostname),
  ips: z.array(ipAddress),
  macs: z.array(macAddress),
});

/** Reads one record of `devices.v1`, or says why it is none. */
export function decodeDevice({ key, value, headers }: BrokerMessage): Decoded<DeviceNews> {
  const id = deviceId.safeParse(key);
  if (!id.success) return { reason: 'the key is no device ID' };
  if (value === null) {
    const version = Number(headers.ce_streamversion);
    return {
      value: { kind: 'gone', deviceId: id.data, ...(Number.isInteger(version) && version > 0 ? { version } : {}) },
    };
  }
  let json: unknown;
  try {
    json = JSON.parse(value.toString('utf8'));
  } catch {
    return { reason: 'the value is not JSON' };
  }
  const parsed = comparableRecord.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { reason: `${jsonPointer(issue?.path ?? [])}: ${issue?.message}` };
  }
  if (parsed.data.id !== id.data) return { reason: '/id: is not the key' };
  return { value: { kind: 'device', record: parsed.data } };
}
