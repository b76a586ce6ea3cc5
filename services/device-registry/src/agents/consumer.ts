import { agentRecord } from '@quell/contracts/agent-record';
import { jsonPointer } from '@quell/contracts/problem';
import { topics } from '@quell/contracts/topics';
import { uuidv5 } from '@quell/contracts/uuidv5';
import { agentId } from '@quell/contracts/vocabulary';
import type { Broker, BrokerMessage, Consumer } from '@quell/messaging/broker';
import { type Decoded, type Slice, withDeadLetters } from '@quell/messaging/dead-letters';
import { saveDeadLetters } from '@quell/service-kit/dead-letter-table';
import { inboxOf } from '@quell/service-kit/inbox';
import type { Log } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { classify } from './classify.ts';
import type { AgentMessage } from './plan-agents.ts';
import { takeAgents } from './take-agents.ts';

const NAMESPACE = '0c1d2f35-8b0f-5a0e-b5c3-2a5b0a6a9d17';

const inbox = inboxOf(SCHEMA, 'agents');

export interface AgentConsumerParts {
  readonly pool: Pool;
  readonly broker: Broker;
  readonly log: Log;
  /** Told after a COMMIT that changed devices. */
  readonly onChange: () => void;
}

/**
 * Takes agents from Kafka: one batch of one partition is one transaction with one append. A record that cannot be taken is a dead letter
 * and parks nothing, since the next record of its agent says all of it again.
 *
 * @throws UnknownCluster when the broker is not the one the stored offsets belong to
 */
export async function startAgentConsumer({ pool, broker, log, onChange }: AgentConsumerParts): Promise<Consumer> {
  const clusterId = await broker.admin.clusterId();
  await inbox.requireKnownCluster(pool, clusterId);

  async function apply(slice: Slice<AgentMessage>): Promise<void> {
    const changed = await inTransaction(pool, async (client) => {
      const result = await takeAgents(
        client,
        slice.items.map(({ value }) => value),
      );
      await saveDeadLetters(client, SCHEMA, slice.deadLetters);
      await inbox.moveInbox(client, clusterId, slice);
      return result;
    });
    if (changed?.position !== undefined) onChange();
  }

  return broker.consume({
    group: 'device-registry',
    topics: [topics.agents],
    startOffsets: (assigned) => inbox.loadOffsets(pool, clusterId, assigned),
    handle: withDeadLetters({
      service: 'device-registry',
      decode: (message) => decodeAgent(message, clusterId),
      apply,
      classify,
      publish: (records) => broker.publish(topics.deadLetters, records),
      now: () => new Date(),
      logger: log,
    }),
  });
}

/** Reads one record of `agents.v1`, or says why it is none. */
export function decodeAgent(message: BrokerMessage, clusterId: string): Decoded<AgentMessage> {
  if (message.value === null) {
    const key = agentId.safeParse(message.key);
    return key.success ? { value: { kind: 'gone', agentId: key.data } } : { reason: 'the key is no agent id' };
  }
  let json: unknown;
  try {
    json = JSON.parse(message.value.toString('utf8'));
  } catch {
    return { reason: 'the value is not JSON' };
  }
  const parsed = agentRecord.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { reason: `${jsonPointer(issue?.path ?? [])}: ${issue?.message}` };
  }
  const { topic, partition, offset, timestamp } = message;
  const causeId = uuidv5(JSON.stringify([clusterId, topic, partition, String(offset)]), NAMESPACE);
  return { value: { kind: 'record', record: parsed.data, causeId, at: timestamp } };
}
