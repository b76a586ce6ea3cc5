import type { ReportingViews } from '@quell/service-kit/reporting-views';

/** What dashboards may read. Facts that point to a person's machine, such as names and addresses, stay here; so do the inputs of jobs. */
export const reportingViews: ReportingViews = {
  devices: `
    SELECT d.id, d.model, d.platform, d.group_name, d.capabilities, d.tags, d.agent_id IS NOT NULL AS has_agent, s.last_seen_at,
      d.registered_at, d.updated_at, d.retired_at
    FROM device_registry.device d LEFT JOIN device_registry.device_seen s ON s.device_id = d.id`,
  device_jobs: `
    SELECT id, kind, state, (progress ->> 'done')::int AS done, (progress ->> 'total')::int AS total, (progress ->> 'failed')::int AS failed,
      created_at, started_at, finished_at
    FROM device_registry.job`,
};
