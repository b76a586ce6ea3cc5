import type { BrokerAdmin, BrokerLogger, NextOffset, TopicPartition } from '../broker.ts';
import { LogMismatch } from '../broker-errors.ts';
import { type LogRange, startPositions } from '../resume.ts';
import { keyOf } from './assigned-partition.ts';
import type { ConsumeSettings } from './consume-settings.ts';

interface Context {
  readonly settings: ConsumeSettings;
  readonly admin: BrokerAdmin;
  readonly logger: BrokerLogger;
  /** Of the first session. */
  readonly cluster: { id?: string };
}

/** Where the partitions go on: by the handler's store, else by what the broker has committed. @throws LogMismatch */
export async function startOffsetsOf(context: Context, partitions: readonly TopicPartition[]): Promise<NextOffset[]> {
  const { settings, admin } = context;
  const assigned = partitions.map(({ topic, partition }): TopicPartition => ({ topic, partition }));
  const topics = [...new Set(assigned.map(({ topic }) => topic))];
  const ranges = new Map(await Promise.all(topics.map(async (topic) => [topic, await admin.offsets(topic)] as const)));
  if (settings.startOffsets === undefined) return committedOffsets(context, assigned, topics, ranges);
  await requireSameCluster(context);
  const { positions, problems } = startPositions(assigned, await settings.startOffsets(assigned), ranges);
  if (problems.length > 0) throw new LogMismatch(problems.join('. '));
  return positions;
}

async function committedOffsets(
  { settings, admin, logger }: Context,
  assigned: readonly TopicPartition[],
  topics: readonly string[],
  ranges: ReadonlyMap<string, readonly LogRange[]>,
): Promise<NextOffset[]> {
  const committed: NextOffset[] = [];
  for (const topic of topics) {
    for (const { partition, committed: nextOffset } of await admin.lag(settings.group, topic)) {
      if (nextOffset !== null) committed.push({ topic, partition, nextOffset });
    }
  }
  const { positions, problems } = startPositions(assigned, committed, ranges);
  if (problems.length === 0) return positions;
  // Nothing but the broker remembers for this group, so there is nobody to refuse for.
  logger.warn({ group: settings.group, problems }, 'committed offsets do not fit the log, starting at its beginning');
  const known = new Set(positions.map(keyOf));
  const others = assigned.filter((each) => !known.has(keyOf(each)));
  return [...positions, ...startPositions(others, [], ranges).positions];
}

/** Offsets mean nothing in another cluster; with enough messages in its log no offset would give it away. */
async function requireSameCluster({ cluster, admin, settings }: Context): Promise<void> {
  const id = await admin.clusterId();
  cluster.id ??= id;
  if (cluster.id === id) return;
  throw new LogMismatch(
    `group ${settings.group} read from cluster ${cluster.id}, the brokers are now cluster ${id}. Bring back the old broker data, or restart this service: it compares its stored offsets with the cluster at start`,
  );
}
