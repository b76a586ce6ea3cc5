import type { RejectedDetection } from '@quell/contracts/detection-api';
import { type ProblemType } from '@quell/contracts/problem';
import type { OutgoingMessage } from '@quell/messaging/broker';
import type { Normalised } from '../sources/native.ts';
import { MAX_VALUE_BYTES, recordOf } from './record.ts';

/** One item as it came: its place in the request, and its value or why it has none. */
export type Incoming = {
  /** From 0, in the order of the request; blank lines do not count. */
  readonly index: number;
  /** From 1, in a request of lines. */
  readonly line?: number;
} & ({ readonly value: unknown } | { readonly fault: { readonly type: ProblemType; readonly detail: string } });

/** Reads one item of the request's format. */
export type Normalise = (item: unknown, receivedAt: Date) => Normalised;

/** What came of some items. Each is in exactly one of the three. */
export interface Intake {
  readonly accepted: readonly { readonly detectionId: string; readonly record: OutgoingMessage }[];
  readonly duplicates: number;
  readonly rejected: readonly Rejected[];
}

export interface Rejected extends RejectedDetection {
  readonly line?: number;
  /** Every bad place, where there are several; `pointer` and `detail` are the first. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

/** The event ids that this request has had. */
export interface Seen {
  has(eventId: string): boolean;
  add(eventId: string): unknown;
}

/** Sorts items into accepted, duplicate and rejected. Pure but for `seen`, which it adds to. */
export function receive(items: readonly Incoming[], normalise: Normalise, seen: Seen, now: Date): Intake {
  const accepted: { detectionId: string; record: OutgoingMessage }[] = [];
  const rejected: Rejected[] = [];
  let duplicates = 0;
  for (const item of items) {
    const reject = (type: ProblemType, errors: readonly { pointer: string; detail: string }[]) =>
      rejected.push(rejectedOf(item, type, errors));
    if ('fault' in item) {
      reject(item.fault.type, [{ pointer: '', detail: item.fault.detail }]);
      continue;
    }
    const normalised = normalise(item.value, now);
    if (normalised.kind === 'refused') {
      reject('unprocessable', normalised.errors);
      continue;
    }
    const { detectionId, eventId } = normalised.detection;
    if (seen.has(eventId)) {
      duplicates++;
      continue;
    }
    const record = recordOf(normalised.detection);
    if (Buffer.byteLength(record.value) > MAX_VALUE_BYTES) {
      reject('payload-too-large', [{ pointer: '', detail: `one detection may have ${MAX_VALUE_BYTES} bytes` }]);
      continue;
    }
    seen.add(eventId);
    accepted.push({ detectionId, record });
  }
  return { accepted, duplicates, rejected };
}

function rejectedOf(
  item: Incoming,
  type: ProblemType,
  errors: readonly { readonly pointer: string; readonly detail: string }[],
): Rejected {
  const first = errors[0] ?? { pointer: '', detail: 'it is no detection' };
  return {
    index: item.index,
    ...(item.line === undefined ? {} : { line: item.line }),
    type: `urn:quell:problem:${type}`,
    detail: first.detail,
    pointer: first.pointer,
    ...(errors.length > 1 ? { errors } : {}),
  };
}
