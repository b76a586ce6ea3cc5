import { z } from 'zod';
import { timestamp } from './vocabulary.ts';

/** CloudEvents 1.0 in Kafka's binary content mode. Source: cloudevents/spec, bindings/kafka-protocol-binding.md. */
export const cloudEventHeaders = z.object({
  ce_specversion: z.literal('1.0'),
  ce_id: z.string().describe('Consumers drop repeats of an id that they have taken.'),
  ce_source: z.string(),
  ce_type: z.string(),
  ce_subject: z.string().optional().describe('The id of the detection, task, agent or device.'),
  ce_time: timestamp.optional(),
  ce_correlationid: z.string().optional(),
  ce_causationid: z.string().optional(),
  ce_streamversion: z.string().optional().describe('The version of the task or device that the event makes.'),
  ce_traceparent: z.string().optional(),
  'content-type': z.literal('application/json').optional(),
});

/** What is added to the headers of a message that became a dead letter; key and value are those of the original. */
export const deadLetterHeaders = z.object({
  dl_id: z.string().describe('service:topic:partition:offset; consumers drop repeats on it.'),
  dl_service: z.string(),
  dl_kind: z.enum(['undecodable', 'failed', 'parked']),
  dl_reason: z.string(),
  dl_topic: z.string(),
  dl_partition: z.string(),
  dl_offset: z.string(),
  dl_timestamp: timestamp,
  dl_died_at: timestamp,
  dl_value_omitted: z.literal('true').optional().describe('The value was too large to travel along.'),
});
