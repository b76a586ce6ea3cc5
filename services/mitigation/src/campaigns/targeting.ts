import type { DeviceQuery } from '@quell/contracts/device-query';
import { compileQuery, type QueriedDevice } from '@quell/device-query/match';
import { mayHaveWords, wordPatterns } from '@quell/device-query/narrow-in-sql';
import { snapshotPages } from '@quell/service-kit/snapshot-pages';
import type { Pool } from 'pg';

/** What a campaign would do on: an endpoint with an agent, or a device without one, which is skipped. */
export interface Target {
  readonly endpointId?: string;
  readonly agentId?: string;
  readonly deviceId?: string;
  readonly hostname?: string;
  readonly skipped?: string;
}

export const NO_AGENT = 'no agent runs on it';

interface Row extends Omit<QueriedDevice, 'platform' | 'group'> {
  readonly platform: QueriedDevice['platform'] | null;
  readonly group: string | null;
  readonly endpointId: string | null;
  readonly agentId: string | null;
  readonly deviceId: string | null;
  readonly hostname: string | null;
}

// What Postgres can tell: fewer rows to look at, the same answer.
const WORDS = mayHaveWords(
  { id: 'k.device_id', model: 'k.model', label: 'k.label', hostnames: 'k.hostnames', ips: 'k.ips', macs: 'k.macs' },
  '$7::text[]',
);
const DEVICES = `
  SELECT k.device_id AS id, k.model, k.label, k.capabilities, k.hostnames, k.ips, k.macs, k.platform, k.group_name AS "group", k.tags,
    e.endpoint_id AS "endpointId", e.agent_id AS "agentId", k.device_id AS "deviceId", coalesce(e.hostname, k.hostnames[1]) AS hostname
  FROM mitigation.known_device k LEFT JOIN mitigation.endpoint e ON e.device_id = k.device_id
  WHERE NOT k.retired
    AND (cardinality($1::text[]) = 0 OR k.group_name = ANY($1)) AND (cardinality($2::text[]) = 0 OR k.platform = ANY($2))
    AND (cardinality($3::text[]) = 0 OR k.model = ANY($3)) AND (cardinality($4::text[]) = 0 OR k.tags && $4)
    AND (cardinality($5::text[]) = 0 OR CASE $6 WHEN 'all' THEN k.capabilities @> $5 ELSE k.capabilities && $5 END)
    AND (cardinality($7::text[]) = 0 OR ${WORDS})
  ORDER BY k.device_id`;

// Machines whose device the registry does not know: they have a name, addresses and a platform, and nothing else to be asked for.
const MACHINES = `
  SELECT coalesce(e.device_id, '') AS id, '' AS model, '' AS label, '{}'::text[] AS capabilities,
    CASE WHEN e.hostname IS NULL THEN '{}'::text[] ELSE ARRAY[e.hostname] END AS hostnames, e.ips, e.macs, e.platform,
    NULL AS "group", '{}'::text[] AS tags,
    e.endpoint_id AS "endpointId", e.agent_id AS "agentId", e.device_id AS "deviceId", e.hostname
  FROM mitigation.endpoint e LEFT JOIN mitigation.known_device k ON k.device_id = e.device_id AND NOT k.retired
  WHERE e.agent_id IS NOT NULL AND k.device_id IS NULL AND (cardinality($1::text[]) = 0 OR e.platform = ANY($1))
  ORDER BY e.endpoint_id`;

/**
 * Everything that a query means, read strictly (`@quell/device-query`), page after page, as of one moment (`snapshotPages`). Devices
 * first, in the order of their ids, then machines that are no device.
 *
 * @param longReads a pool of its own: a connection is kept until the end
 */
export async function* eachTarget(
  longReads: Pool,
  query: DeviceQuery,
  signal?: AbortSignal,
): AsyncGenerator<readonly Target[]> {
  const isMeant = compileQuery(query);
  const { group, platform, model, tag, feature, match } = query;
  const queries = [{ text: DEVICES, values: [group, platform, model, tag, feature, match, wordPatterns(query.q)] }];
  // A machine has no group, no tag, no feature, and the model of a device that was given none.
  if ([group, tag, feature].every(({ length }) => length === 0) && (model.length === 0 || model.includes(''))) {
    queries.push({ text: MACHINES, values: [platform] });
  }
  for await (const rows of snapshotPages<Row>(longReads, queries, signal)) {
    const meant = rows.filter(({ platform, group, ...row }) =>
      isMeant({ ...row, platform: platform ?? undefined, group: group ?? undefined }),
    );
    if (meant.length > 0) yield meant.map(targetOf);
  }
}

function targetOf({ endpointId, agentId, deviceId, hostname }: Row): Target {
  return {
    ...(agentId === null || endpointId === null ? { skipped: NO_AGENT } : { endpointId, agentId }),
    ...(deviceId === null ? {} : { deviceId }),
    ...(hostname === null ? {} : { hostname }),
  };
}
