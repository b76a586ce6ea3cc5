import type { IHeaders, Batch as KafkajsBatch, KafkaMessage } from 'kafkajs';
import type { BrokerMessage } from '../broker.ts';

/**
 * The offset the broker was asked for. Everything between it and the first message does not exist for us (compacted
 * away, or a control record), so it tells a hole in the log from a fetch that started too high. kafkajs 2.2.4 has the
 * field at run time but not in its types; without it every hole looks like a fetch that started too high, which costs
 * one more fetch each and nothing else.
 */
export function fetchedFrom(batch: KafkajsBatch): bigint {
  const { fetchedOffset } = batch as KafkajsBatch & { fetchedOffset?: string };
  return BigInt(fetchedOffset ?? batch.firstOffset() ?? batch.highWatermark);
}

export function toBrokerMessage(topic: string, partition: number, message: KafkaMessage): BrokerMessage {
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    key: message.key === null ? null : message.key.toString(),
    value: message.value,
    headers: toHeaders(message.headers),
    timestamp: new Date(Number(message.timestamp)),
  };
}

function toHeaders(headers: IHeaders | undefined): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    // Of a repeated header the last counts, as in Kafka's own `lastHeader`.
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined && last !== null) result[name] = last.toString();
  }
  return result;
}
