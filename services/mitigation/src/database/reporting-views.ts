import type { ReportingViews } from '@quell/service-kit/reporting-views';

/** What dashboards may read: tasks as their list has them, without host names and payloads. */
export const reportingViews: ReportingViews = {
  tasks: `
    SELECT task_id, kind, initiator, severity, endpoint_id, device_id, status_code, status_group, action_required, run, detection_count,
      opened_at, updated_at
    FROM mitigation.task_view`,
};
