import { type NormalisedDetection, normalisedDetection } from '@quell/contracts/detection';
import { jsonPointer } from '@quell/contracts/problem';
import { topics } from '@quell/contracts/topics';
import type { Broker, BrokerMessage, Consumer } from '@quell/messaging/broker';
import type { DeadLetter } from '@quell/messaging/dead-letter-record';
import { type Decoded, type Slice, withDeadLetters } from '@quell/messaging/dead-letters';
import { saveDeadLetters } from '@quell/service-kit/dead-letter-table';
import type { Log } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import type { OnTaskChange } from '../delivery/on-task-change.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import { classify } from './classify.ts';
import { type DeadDetection, noteDeadDetections } from './dead-letters.ts';
import { loadOffsets, moveInbox, requireKnownCluster } from './inbox.ts';
import { takeDetections } from './take.ts';

export interface DetectionConsumerParts {
  readonly pool: Pool;
  readonly broker: Broker;
  readonly policies: PolicyStore;
  readonly log: Log;
  readonly onTaskChange: OnTaskChange;
}

/**
 * Takes detections from Kafka into tasks: one batch of one partition is one transaction with one append. A conflict is decided again,
 * then halved; only a message that fails alone on its content is a dead letter; `detections.v1` never parks a key.
 *
 * @throws UnknownCluster when the broker is not the one the stored offsets belong to
 */
export async function startDetectionConsumer(parts: DetectionConsumerParts): Promise<Consumer> {
  const { pool, broker, policies, log } = parts;
  const clusterId = await broker.admin.clusterId();
  await requireKnownCluster(pool, clusterId);

  async function apply(slice: Slice<NormalisedDetection>): Promise<void> {
    const policy = await policies.current();
    const taken = await inTransaction(pool, async (client) => {
      const result = await takeDetections(
        client,
        slice.items.map(({ value }) => value),
        policy,
      );
      if (slice.deadLetters.length > 0) {
        await saveDeadLetters(client, SCHEMA, slice.deadLetters);
        await noteDeadDetections(client, slice.deadLetters.flatMap(deadDetectionOf));
      }
      await moveInbox(client, clusterId, slice);
      return result;
    });
    parts.onTaskChange(taken.endpointIds);
  }

  return broker.consume({
    group: 'mitigation',
    topics: [topics.detections],
    startOffsets: (assigned) => loadOffsets(pool, clusterId, assigned),
    handle: withDeadLetters({
      service: 'mitigation',
      decode: decodeDetection,
      apply,
      classify,
      publish: (records) => broker.publish(topics.deadLetters, records),
      now: () => new Date(),
      logger: log,
    }),
  });
}

/** The detection in a dead letter, when it is one: then it failed alone. */
function deadDetectionOf({ message, reason }: DeadLetter): DeadDetection[] {
  const decoded = decodeDetection(message);
  return 'value' in decoded ? [{ detection: decoded.value, reason }] : [];
}

/** Reads one record of `detections.v1`, or says why it is none. */
export function decodeDetection(message: BrokerMessage): Decoded<NormalisedDetection> {
  let json: unknown;
  try {
    json = JSON.parse(message.value?.toString('utf8') ?? '');
  } catch {
    return { reason: 'the value is not JSON' };
  }
  const parsed = normalisedDetection.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  return { reason: `${jsonPointer(issue?.path ?? [])}: ${issue?.message}` };
}
