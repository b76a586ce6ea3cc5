import { type MitigationExceptionRecord, mitigationExceptionRecord } from '@quell/contracts/mitigation-exception';
import { jsonPointer } from '@quell/contracts/problem';
import { statusCode, taskAfter } from '@quell/contracts/task';
import { topics } from '@quell/contracts/topics';
import { timestamp, uuid } from '@quell/contracts/vocabulary';
import type { Broker, BrokerMessage, Consumer } from '@quell/messaging/broker';
import { type Decoded, type Slice, withDeadLetters } from '@quell/messaging/dead-letters';
import { saveDeadLetters } from '@quell/service-kit/dead-letter-table';
import { inboxOf } from '@quell/service-kit/inbox';
import type { Log } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';
import { z } from 'zod';
import { classify } from '../database/classify.ts';
import { SCHEMA } from '../database/schema.ts';
import type { TaskRecord } from '../posture/task-posture.ts';
import { takeExceptionRecords } from './exceptions.ts';
import { takeTaskRecords } from './take-task-records.ts';

/** What posture follows. */
export const postureTopics: readonly string[] = [topics.tasks, topics.mitigationExceptions];

const { loadOffsets, moveInbox, requireKnownCluster } = inboxOf(SCHEMA, 'tasks and exceptions');

/**
 * Takes `tasks.v1` and `mitigation-exceptions.v1` into the tables of posture: one batch of one partition is one transaction. Each record
 * says all that is to know, so nothing is parked: where one cannot be read, the next of its key makes up for it.
 *
 * @throws UnknownCluster when the broker is not the one the stored offsets belong to
 */
export async function startPostureConsumer(parts: {
  readonly pool: Pool;
  readonly broker: Broker;
  readonly log: Log;
}): Promise<Consumer> {
  const { pool, broker, log } = parts;
  const clusterId = await broker.admin.clusterId();
  await requireKnownCluster(pool, clusterId);

  async function apply(slice: Slice<PostureRecord>): Promise<void> {
    await inTransaction(pool, async (client) => {
      const values = slice.items.map(({ value }) => value);
      await takeTaskRecords(
        client,
        values.flatMap((value) => ('task' in value ? [value.task] : [])),
      );
      await takeExceptionRecords(
        client,
        values.flatMap((value) => ('exception' in value ? [value.exception] : [])),
      );
      await saveDeadLetters(client, SCHEMA, slice.deadLetters);
      await moveInbox(client, clusterId, slice);
    });
  }

  return broker.consume({
    group: 'vpn-policy-posture',
    topics: postureTopics,
    startOffsets: (assigned) => loadOffsets(pool, clusterId, assigned),
    handle: withDeadLetters({
      service: 'vpn-policy',
      decode: decodePostureRecord,
      apply,
      classify,
      publish: (records) => broker.publish(topics.deadLetters, records),
      now: () => new Date(),
      logger: log,
    }),
  });
}

type PostureRecord = { readonly task: TaskRecord } | { readonly exception: MitigationExceptionRecord };

/** Only what posture reads: a record with an event of a later release is as good. */
const taskValue = z.object({
  after: taskAfter.extend({ status: statusCode }),
  omitted: z.array(z.string()).optional(),
});
const taskHeaders = z.object({ ce_subject: uuid, ce_time: timestamp });

/** Reads one record of either topic, or says why it is none. The type of its event tells which it is. */
export function decodePostureRecord({ value, headers }: BrokerMessage): Decoded<PostureRecord> {
  let json: unknown;
  try {
    json = JSON.parse(value?.toString('utf8') ?? '');
  } catch {
    return { reason: 'the value is not JSON' };
  }
  if (headers.ce_type === 'quell.mitigation-exception.v1') {
    const exception = mitigationExceptionRecord.safeParse(json);
    return exception.success ? { value: { exception: exception.data } } : refused(exception.error, '');
  }
  if (headers.ce_type?.startsWith('quell.task.') !== true)
    return { reason: `not a task: its ce_type is ${headers.ce_type}` };
  const parsedHeaders = taskHeaders.safeParse(headers);
  if (!parsedHeaders.success) return refused(parsedHeaders.error, 'header ');
  const parsed = taskValue.safeParse(json);
  if (!parsed.success) return refused(parsed.error, '');
  const { ce_subject: taskId, ce_time: at } = parsedHeaders.data;
  return { value: { task: { taskId, at, ...parsed.data } } };
}

function refused({ issues: [issue] }: z.ZodError, where: string): { reason: string } {
  return { reason: `${where}${jsonPointer(issue?.path ?? [])}: ${issue?.message}` };
}
