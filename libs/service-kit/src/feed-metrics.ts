import { processorLag } from '@quell/event-store/checkpoint';
import { oldestWriter } from '@quell/event-store/restore-check';
import type { Broker } from '@quell/messaging/broker';
import type { Pool } from 'pg';
import type { Log } from './log.ts';
import { Gauge, type Registry } from './metrics.ts';

/** Adds a gauge that is read when `/metrics` is. What it reads from may be away: then it is left out rather than failing the others. */
export type AddGauge = <Label extends string>(
  name: string,
  help: string,
  labelNames: readonly Label[],
  read: (self: Gauge<Label>) => Promise<void> | void,
) => void;

/** @param prefix the service's name as metrics have it, such as `mitigation` */
export function gaugesOf(registry: Registry, log: Log, prefix: string): AddGauge {
  return (name, help, labelNames, read) => {
    new Gauge({
      name: `${prefix}_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      async collect() {
        this.reset();
        try {
          await read(this);
        } catch (err) {
          log.warn({ err, metric: name }, 'a metric could not be read');
        }
      },
    });
  };
}

export interface MeasuredFeed {
  readonly pool: Pool;
  readonly schema: string;
  /** Names of the checkpoints. */
  readonly processors: readonly string[];
}

/**
 * What tells an operator that the log is followed: how far each follower is behind (in positions, and in age, since either alone can
 * look well), what is parked, and the writer that holds the gate of every feed.
 */
export function measureFollowers(gauge: AddGauge, { pool, schema, processors }: MeasuredFeed): void {
  const eachLag = async (set: (processor: string, lag: Awaited<ReturnType<typeof processorLag>>) => void) => {
    for (const processor of processors) set(processor, await processorLag(pool, schema, processor));
  };
  gauge('follower_positions_behind', 'Positions between a follower and the head of the log', ['processor'], (self) =>
    eachLag((processor, lag) => self.set({ processor }, lag.positionsBehind)),
  );
  gauge(
    'follower_oldest_event_seconds',
    'Age of the oldest event that a follower has not processed',
    ['processor'],
    (self) => eachLag((processor, lag) => self.set({ processor }, lag.oldestUnprocessedSeconds)),
  );
  gauge('follower_parked_events', 'Events that a follower has parked for an operator', ['processor'], (self) =>
    eachLag((processor, lag) => self.set({ processor }, lag.parkedEvents)),
  );
  gauge(
    'oldest_writer_seconds',
    'Age of the oldest open write transaction: every feed waits for it',
    [],
    async (self) => {
      self.set((await oldestWriter(pool)).seconds);
    },
  );
}

/** How many messages wait on Kafka. @param what they are, in the plural: `detections` */
export function measureConsumers(gauge: AddGauge, broker: Broker, what: string): void {
  gauge(`${what}_waiting`, `Messages of ${what} on Kafka that were not taken yet`, ['partition'], (self) => {
    for (const { partitions } of broker.health().consumers) {
      for (const { partition, lag } of partitions)
        if (lag !== undefined) self.set({ partition: String(partition) }, Number(lag));
    }
  });
}
