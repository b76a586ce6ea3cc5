import { processorName } from '@quell/event-store/checkpoint';
import { gaugesOf, measureConsumers, measureFollowers } from '@quell/service-kit/feed-metrics';
import { measureJobs } from '@quell/service-kit/jobs/job-metrics';
import type { Pool } from 'pg';
import type { Area, RegistryParts } from '../area.ts';
import { SCHEMA } from '../database/schema.ts';
import { DEVICE_RELAY } from '../relay/device-relay.ts';

/** What tells an operator how the registry is: its relay, its devices and agents, and what waits on Kafka. */
export function openMetrics({ metrics, log, database: { pool }, broker }: RegistryParts): Area {
  const gauge = gaugesOf(metrics, log, 'device_registry');
  const relay = processorName(DEVICE_RELAY.name, DEVICE_RELAY.version);
  measureFollowers(gauge, { pool, schema: SCHEMA, processors: [relay] });
  // A million rows: not at every look.
  const counted = rereadAfter(60, () => countDevices(pool));
  gauge(
    'devices',
    'Devices that are registered, and those that were retired; at most a minute old',
    ['state'],
    async (self) => {
      const { active, retired } = await counted();
      self.set({ state: 'active' }, active);
      self.set({ state: 'retired' }, retired);
    },
  );
  gauge('unresolved_agents', 'Active agents whose device is not clear', [], async (self) => {
    const { rows } = await pool.query<{ agents: number }>(
      `SELECT count(*)::int AS agents FROM device_registry.device_agent WHERE device_id IS NULL AND status = 'active'`,
    );
    self.set(rows[0]!.agents);
  });
  measureConsumers(gauge, broker, 'agents');
  measureJobs(gauge, { pool, schema: SCHEMA });
  return {};
}

async function countDevices(pool: Pool): Promise<{ active: number; retired: number }> {
  const { rows } = await pool.query<{ active: number; retired: number }>(
    `SELECT count(*) FILTER (WHERE retired_at IS NULL)::int AS active, count(retired_at)::int AS retired FROM device_registry.device`,
  );
  return rows[0]!;
}

/** What was read, again for so many seconds. */
function rereadAfter<T>(seconds: number, read: () => Promise<T>): () => Promise<T> {
  let last: { readonly value: T; readonly at: number } | undefined;
  return async () => {
    if (last === undefined || performance.now() - last.at > seconds * 1000) {
      last = { value: await read(), at: performance.now() };
    }
    return last.value;
  };
}
