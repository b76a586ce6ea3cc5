import type { Broker } from '@quell/messaging/broker';
import { gaugesOf, measureConsumers, measureFollowers } from '@quell/service-kit/feed-metrics';
import type { Log } from '@quell/service-kit/log';
import type { Registry } from '@quell/service-kit/metrics';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';

/** What tells an operator how mitigation is: its followers, the runs in progress, and what waits on Kafka. */
export function measureFeed(
  registry: Registry,
  { pool, broker, log }: { readonly pool: Pool; readonly broker: Broker; readonly log: Log },
  processors: readonly string[],
): void {
  const gauge = gaugesOf(registry, log, 'mitigation');
  measureFollowers(gauge, { pool, schema: SCHEMA, processors });
  gauge('runs', 'Runs in progress', ['phase'], async (self) => {
    const { rows } = await pool.query<{ phase: string; runs: number }>(
      'SELECT phase, count(*)::int AS runs FROM mitigation.work GROUP BY phase',
    );
    for (const { phase, runs } of rows) self.set({ phase }, runs);
  });
  measureConsumers(gauge, broker, 'detections');
}
