import type { Pool } from 'pg';
import type { EndpointChange } from './endpoint-changes.ts';

// What an endpoint has, and what it gave up not long ago: both decide how a detection that names it is matched.
const OF_ENDPOINTS = `
  SELECT 'agentId ' || agent_id AS key FROM mitigation.agent WHERE endpoint_id = ANY($1::uuid[])
  UNION
  SELECT 'deviceId ' || device_id FROM mitigation.endpoint WHERE endpoint_id = ANY($1::uuid[]) AND device_id IS NOT NULL
  UNION
  SELECT kind || ' ' || value FROM mitigation.host_interval WHERE endpoint_id = ANY($1::uuid[])
  UNION
  SELECT i.kind || ' ' || i.value FROM mitigation.endpoint e JOIN mitigation.known_device_identifier i USING (device_id)
  WHERE e.endpoint_id = ANY($1::uuid[])`;

/**
 * Everything that detections name whose endpoint may be told differently after these changes: see `hintKey`. A match depends on no endpoint
 * that the hint does not name by something it has or had.
 */
export async function changedIdentifiers(pool: Pool, changes: readonly EndpointChange[]): Promise<string[]> {
  const identifiers = new Set<string>();
  const endpointIds: string[] = [];
  for (const change of changes) {
    if (change.reason === 'device-appeared') for (const key of change.identifiers) identifiers.add(key);
    else endpointIds.push(change.endpointId);
  }
  if (endpointIds.length > 0) {
    const { rows } = await pool.query<{ key: string }>(OF_ENDPOINTS, [endpointIds]);
    for (const row of rows) identifiers.add(row.key);
  }
  return [...identifiers];
}
