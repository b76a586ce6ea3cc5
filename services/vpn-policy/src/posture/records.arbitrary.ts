import { statusCode } from '@quell/contracts/task';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import type { Severity } from '@quell/contracts/vocabulary';
import fc from 'fast-check';
import type { TaskRecord } from './task-posture.ts';

const severities: readonly Severity[] = [0, 1, 3, 5, 99];
const firstInstant = Date.parse('2026-11-23T10:00:00.000Z');
const timeOf = (seconds: number) => new Date(firstInstant + seconds * 1000).toISOString();

/** The whole story of one task: its records in order, one for each version. Times tie often. */
function historyOf(taskId: string, endpoint: TaskEndpoint, keys: readonly string[]): fc.Arbitrary<TaskRecord[]> {
  const step = fc.record({
    status: fc.constantFrom(...statusCode.options),
    severity: fc.constantFrom(...severities),
    opensRun: fc.boolean(),
    wait: fc.constantFrom(0, 0, 1, 5),
    names: fc.subarray([...keys]),
    omits: fc.integer({ max: 12, min: 0 }).map((n) => n === 0),
    acknowledged: fc.integer({ max: 5, min: 0 }).map((n) => n === 0),
  });
  return fc
    .record({ start: fc.integer({ min: 0, max: 6 }), steps: fc.array(step, { minLength: 1, maxLength: 6 }) })
    .map(({ start, steps }) => {
      let seconds = start;
      let runOpenedAt = start;
      let acknowledged = false;
      return steps.map((one, index): TaskRecord => {
        seconds += one.wait;
        if (one.opensRun || index === 0) runOpenedAt = seconds;
        acknowledged ||= one.acknowledged;
        return {
          taskId,
          at: timeOf(seconds),
          after: {
            kind: 'threat-mitigation',
            threatKeys: one.omits ? [] : one.names,
            status: one.status,
            severity: one.severity,
            endpoint,
            acknowledged,
            runOpenedAt: timeOf(runOpenedAt),
            version: index + 1,
          },
          ...(one.omits ? { omitted: ['/after/threatKeys', '/data/result/threats'] } : {}),
        };
      });
    });
}

/** Stories of several tasks on few endpoints about few threats, so that they meet. `ids` makes ids of their own for each run. */
export function historiesOn(
  endpoints: readonly TaskEndpoint[],
  taskIds: readonly string[],
): fc.Arbitrary<TaskRecord[][]> {
  const keys = ['sha256:a', 'path:file:/b', 'name:other:c'];
  return fc.tuple(...taskIds.map((taskId, index) => historyOf(taskId, endpoints[index % endpoints.length]!, keys)));
}

/**
 * One way in which Kafka may deliver them: each task in its order, tasks mixed, and after a restart again from somewhere earlier. Every
 * record comes at least once.
 */
export function deliveryOf(histories: readonly TaskRecord[][]): fc.Arbitrary<TaskRecord[]> {
  const pick = fc.record({
    task: fc.nat({ max: Math.max(histories.length - 1, 0) }),
    back: fc.constantFrom(0, 0, 0, 1, 3),
  });
  return fc.array(pick, { maxLength: 60 }).map((picks) => {
    const next = histories.map(() => 0);
    const delivered: TaskRecord[] = [];
    const deliver = (task: number) => {
      const record = histories[task]?.[next[task]!];
      if (record === undefined) return;
      delivered.push(record);
      next[task]!++;
    };
    for (const { task, back } of picks) {
      next[task] = Math.max(0, (next[task] ?? 0) - back);
      deliver(task);
    }
    for (const [task, records] of histories.entries()) while (next[task]! < records.length) deliver(task);
    return delivered;
  });
}
