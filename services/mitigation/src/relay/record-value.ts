import { jsonPointer } from '@quell/contracts/problem';
import type { TaskAfter } from '@quell/contracts/task';

/** Longest value of a record: well below the publisher's limit (960 KiB with key and headers) and that of Kafka's topics (1 MiB). */
export const MAX_VALUE_BYTES = 768 * 1024;

interface List {
  readonly pointer: string;
  readonly bytes: number;
  readonly empty: () => void;
}

/**
 * The value of a record on `tasks.v1`. One that would be too large leaves its largest lists empty, names them, and says where they stand
 * whole: every event must reach the topic, or nothing later of its task does.
 */
export function recordValue(taskId: string, data: unknown, after: TaskAfter): string {
  const whole = JSON.stringify({ data, after });
  const size = Buffer.byteLength(whole);
  if (size <= MAX_VALUE_BYTES) return whole;
  const record = JSON.parse(whole) as Record<string, unknown>;
  const lists = listsIn(record).sort((a, b) => b.bytes - a.bytes);
  const omitted: string[] = [];
  // The pointers themselves are a few hundred bytes at most.
  let left = size + 1024;
  for (const { pointer, bytes, empty } of lists) {
    if (left <= MAX_VALUE_BYTES) break;
    empty();
    omitted.push(pointer);
    left -= bytes;
  }
  if (left > MAX_VALUE_BYTES) return whole;
  return JSON.stringify({ ...record, omitted: omitted.sort(), href: `/v1/tasks/${taskId}/history` });
}

/** The lists of a document with the bytes their entries take; lists within lists go with the outer one. */
function listsIn(value: object, path: readonly string[] = []): List[] {
  return Object.entries(value).flatMap(([name, member]): List[] => {
    const here = [...path, name];
    if (Array.isArray(member)) {
      const empty = () => {
        (value as Record<string, unknown>)[name] = [];
      };
      return [{ pointer: jsonPointer(here), bytes: Buffer.byteLength(JSON.stringify(member)) - 2, empty }];
    }
    return typeof member === 'object' && member !== null ? listsIn(member, here) : [];
  });
}
