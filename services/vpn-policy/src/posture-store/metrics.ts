import type { Broker } from '@quell/messaging/broker';
import type { Log } from '@quell/service-kit/log';
import { Gauge, type Registry } from '@quell/service-kit/metrics';
import type { Pool } from 'pg';
import { postureTopics } from './consumer.ts';

/** What tells an operator whether decisions know of the latest threats: what waits on Kafka, and what stands. Read when `/metrics` is. */
export function measurePosture(
  registry: Registry,
  { pool, broker, log }: { readonly pool: Pool; readonly broker: Broker; readonly log: Log },
): void {
  new Gauge({
    name: 'vpn_policy_posture_records_waiting',
    help: 'Records on Kafka that posture has not taken yet',
    labelNames: ['topic', 'partition'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { topic, partition, lag } of broker.health().consumers.flatMap(({ partitions }) => partitions)) {
        if (lag !== undefined && postureTopics.includes(topic))
          this.set({ topic, partition: String(partition) }, Number(lag));
      }
    },
  });
  new Gauge({
    name: 'vpn_policy_endpoints_unresolved',
    help: 'Endpoints with a task that stands unresolved, acknowledged or excepted ones included',
    registers: [registry],
    async collect() {
      try {
        const { rows } = await pool.query<{ n: number }>(
          'SELECT count(DISTINCT endpoint_id)::int AS n FROM vpn_policy.task_posture WHERE since IS NOT NULL',
        );
        this.set(rows[0]?.n ?? 0);
      } catch (err) {
        this.reset();
        log.warn({ err, metric: 'vpn_policy_endpoints_unresolved' }, 'a metric could not be read');
      }
    },
  });
}
