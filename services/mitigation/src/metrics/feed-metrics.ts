import { processorLag } from '@quell/event-store/checkpoint';
import { oldestWriter } from '@quell/event-store/restore-check';
import type { Broker } from '@quell/messaging/broker';
import type { Log } from '@quell/service-kit/log';
import { Gauge, type Registry } from '@quell/service-kit/metrics';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';

/**
 * What tells an operator that the log is followed: how far each follower is behind (in positions, and in age, since either alone can
 * look well), what is parked, the writer that holds the gate of every feed, the runs in progress, and what waits on Kafka. Read when
 * `/metrics` is; a database that does not answer leaves the gauges out rather than failing the others.
 */
export function measureFeed(
  registry: Registry,
  parts: { readonly pool: Pool; readonly broker: Broker; readonly log: Log },
  processors: readonly string[],
): void {
  const { pool, broker, log } = parts;
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: (self: Gauge<Label>) => Promise<void> | void,
  ) =>
    new Gauge<Label>({
      name,
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

  const eachLag = async (set: (processor: string, lag: Awaited<ReturnType<typeof processorLag>>) => void) => {
    for (const processor of processors) set(processor, await processorLag(pool, SCHEMA, processor));
  };
  gauge(
    'mitigation_follower_positions_behind',
    'Positions between a follower and the head of the log',
    ['processor'],
    (self) => eachLag((processor, lag) => self.set({ processor }, lag.positionsBehind)),
  );
  gauge(
    'mitigation_follower_oldest_event_seconds',
    'Age of the oldest event that a follower has not processed',
    ['processor'],
    (self) => eachLag((processor, lag) => self.set({ processor }, lag.oldestUnprocessedSeconds)),
  );
  gauge(
    'mitigation_follower_parked_events',
    'Events that a follower has parked for an operator',
    ['processor'],
    (self) => eachLag((processor, lag) => self.set({ processor }, lag.parkedEvents)),
  );
  gauge(
    'mitigation_oldest_writer_seconds',
    'Age of the oldest open write transaction: every feed waits for it',
    [],
    async (self) => {
      self.set((await oldestWriter(pool)).seconds);
    },
  );
  gauge('mitigation_runs', 'Runs in progress', ['phase'], async (self) => {
    const { rows } = await pool.query<{ phase: string; runs: number }>(
      'SELECT phase, count(*)::int AS runs FROM mitigation.work GROUP BY phase',
    );
    for (const { phase, runs } of rows) self.set({ phase }, runs);
  });
  gauge('mitigation_detections_waiting', 'Detections on Kafka that were not taken yet', ['partition'], (self) => {
    for (const { partitions } of broker.health().consumers) {
      for (const { partition, lag } of partitions)
        if (lag !== undefined) self.set({ partition: String(partition) }, Number(lag));
    }
  });
}
