import type { BrokerMessage, OutgoingMessage } from './broker.ts';

/**
 * Why a message became a dead letter: `undecodable` (its bytes are not what the contract says), `failed` (handling it
 * alone failed on its content), `parked` (its key has an earlier dead letter, and order per key is kept).
 */
export type DeadLetterKind = 'undecodable' | 'failed' | 'parked';

export interface DeadLetter {
  /** The same for every time the same message dies at the same service: consumers drop repeats on it. */
  readonly id: string;
  readonly service: string;
  readonly kind: DeadLetterKind;
  readonly reason: string;
  /** The message as it came: handle it again with the code of the day. */
  readonly message: BrokerMessage;
  /** The value was too large to be carried along; topic, partition and offset still point at it. */
  readonly valueOmitted: boolean;
  readonly diedAt: Date;
}

/** Longest value that is copied into a dead letter: the limits of a record apply to it with its added headers. */
export const maxCarriedBytes = 900_000;
const maxReasonLength = 2_000;

/** `service:topic:partition:offset` */
export function deadLetterId(service: string, { topic, partition, offset }: BrokerMessage): string {
  return `${service}:${topic}:${partition}:${offset}`;
}

export function deadLetter(
  service: string,
  message: BrokerMessage,
  cause: { kind: DeadLetterKind; reason: string },
  diedAt: Date,
): DeadLetter {
  const valueOmitted = (message.value?.length ?? 0) > maxCarriedBytes;
  return {
    id: deadLetterId(service, message),
    service,
    kind: cause.kind,
    reason: cause.reason.slice(0, maxReasonLength),
    message: valueOmitted ? { ...message, value: null } : message,
    valueOmitted,
    diedAt,
  };
}

/** The record for the dead-letter topic: key, value and headers of the original, `dl_` headers added. */
export function deadLetterRecord(letter: DeadLetter): OutgoingMessage {
  const { message } = letter;
  return {
    key: message.key,
    value: message.value,
    headers: {
      ...message.headers,
      dl_id: letter.id,
      dl_service: letter.service,
      dl_kind: letter.kind,
      dl_reason: letter.reason,
      dl_topic: message.topic,
      dl_partition: String(message.partition),
      dl_offset: String(message.offset),
      dl_timestamp: message.timestamp.toISOString(),
      dl_died_at: letter.diedAt.toISOString(),
      ...(letter.valueOmitted ? { dl_value_omitted: 'true' } : {}),
    },
  };
}

const kinds: ReadonlySet<string> = new Set<DeadLetterKind>(['undecodable', 'failed', 'parked']);
const digits = /^\d{1,18}$/;

/** Reads a record of the dead-letter topic; undefined when it is not one. */
export function deadLetterOf(record: BrokerMessage): DeadLetter | undefined {
  const { dl_id: id, dl_service: service, dl_kind: kind, dl_reason: reason, dl_topic: topic } = record.headers;
  const { dl_partition: partition = '', dl_offset: offset = '' } = record.headers;
  const timestamp = new Date(record.headers.dl_timestamp ?? Number.NaN);
  const diedAt = new Date(record.headers.dl_died_at ?? Number.NaN);
  if (id === undefined || service === undefined || reason === undefined || topic === undefined) return undefined;
  if (kind === undefined || !kinds.has(kind) || !digits.test(partition) || !digits.test(offset)) return undefined;
  if (Number.isNaN(timestamp.getTime()) || Number.isNaN(diedAt.getTime())) return undefined;
  const headers = Object.fromEntries(Object.entries(record.headers).filter(([name]) => !name.startsWith('dl_')));
  const { key, value } = record;
  return {
    id,
    service,
    kind: kind as DeadLetterKind,
    reason,
    message: { topic, partition: Number(partition), offset: BigInt(offset), key, value, headers, timestamp },
    valueOmitted: record.headers.dl_value_omitted === 'true',
    diedAt,
  };
}
