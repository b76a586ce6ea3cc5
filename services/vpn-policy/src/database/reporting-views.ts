import type { ReportingViews } from '@quell/service-kit/reporting-views';

/** What dashboards may read: decisions without what they were made from, and which tasks stand unresolved. */
export const reportingViews: ReportingViews = {
  vpn_decisions: `
    SELECT id, decided_at, device_id, policy_id, policy_version, chosen_by, dialect, decision, reason FROM vpn_policy.decision`,
  // Tasks that are the newest for one threat at least, as posture has it; acknowledged and excepted ones included.
  standing_posture: `
    SELECT t.task_id, t.endpoint_id, t.endpoint ->> 'deviceId' AS device_id, t.status, t.severity, t.acknowledged, t.since,
      n.threats
    FROM vpn_policy.task_posture t
    JOIN (SELECT task_id, count(*)::int AS threats FROM vpn_policy.threat_task GROUP BY task_id) n ON n.task_id = t.task_id
    WHERE t.since IS NOT NULL`,
};
