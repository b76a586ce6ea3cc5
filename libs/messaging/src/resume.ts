import type { NextOffset, TopicPartition } from './broker.ts';

export interface LogRange {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
}

/**
 * Where each partition starts, or why it must not start: a log that ends below the stored offset was recreated, one
 * that starts above it has already dropped messages that were never handled. Both would be silent loss.
 * Rule: design.md, "Kafka in".
 */
export function startPositions(
  assigned: readonly TopicPartition[],
  stored: readonly NextOffset[],
  ranges: ReadonlyMap<string, readonly LogRange[]>,
): { positions: NextOffset[]; problems: string[] } {
  const positions: NextOffset[] = [];
  const problems: string[] = [];
  for (const { topic, partition } of assigned) {
    const range = ranges.get(topic)?.find((candidate) => candidate.partition === partition);
    if (range === undefined) {
      problems.push(`${topic}[${partition}] is assigned but the broker lists no such partition`);
      continue;
    }
    const nextOffset = stored.find((row) => row.topic === topic && row.partition === partition)?.nextOffset;
    const problem = nextOffset === undefined ? undefined : mismatch({ topic, partition }, nextOffset, range);
    if (problem !== undefined) problems.push(problem);
    else positions.push({ topic, partition, nextOffset: nextOffset ?? range.low });
  }
  return { positions, problems };
}

/** The sentence with the cure when `nextOffset` does not lie inside the log, else undefined. */
export function mismatch(
  { topic, partition }: TopicPartition,
  nextOffset: bigint,
  range: { low: bigint; high: bigint },
): string | undefined {
  if (range.high < nextOffset) {
    return `${topic}[${partition}] ends at ${range.high} but messages up to ${nextOffset} were handled: the topic was deleted or the broker's data was lost. Bring back the old broker data, or delete this topic's rows from the inbox to read the new log from its beginning`;
  }
  if (range.low > nextOffset) {
    return `${topic}[${partition}] starts at ${range.low} but only messages up to ${nextOffset} were handled: ${range.low - nextOffset} messages expired unread. Accept the loss by setting next_offset of this inbox row to ${range.low}, and give the topic a longer retention`;
  }
  return undefined;
}
