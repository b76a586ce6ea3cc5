import type { Capability, HostFacts } from '@quell/contracts/agent-protocol';
import { hostnameForm, ipForm } from '@quell/contracts/host-identifiers';
import type { ClientBase, Pool } from 'pg';
import { agentsOfEndpointsChanged } from '../agents/publication/agents-changed.ts';
import { identifiersOf } from './identifiers.ts';

/** How long it stays known who held a name or an address, after it gave it up. Source: agent-protocol.md, check-in. */
export const HOST_INTERVAL_DAYS = 30;

/** What an agent says about its machine at enrolment or check-in; absent members were not said. */
export interface HostReport {
  readonly host?: HostFacts | undefined;
  readonly agentVersion?: string | undefined;
  readonly capabilities?: readonly Capability[] | undefined;
}

// One statement, and no write at all when nothing changed: check-ins repeat themselves.
const UPDATE_ENDPOINT = `
  UPDATE mitigation.endpoint SET
    hostname = coalesce($2, hostname), ips = coalesce($3, ips), macs = coalesce($4, macs), platform = coalesce($5, platform),
    os_version = coalesce($6, os_version), agent_version = coalesce($7, agent_version),
    capabilities = coalesce($8, capabilities), updated_at = $9
  WHERE endpoint_id = $1 AND (hostname, ips, macs, platform, os_version, agent_version, capabilities) IS DISTINCT FROM
    (coalesce($2, hostname), coalesce($3, ips), coalesce($4, macs), coalesce($5, platform),
     coalesce($6, os_version), coalesce($7, agent_version), coalesce($8, capabilities))`;

const END_INTERVALS = `
  UPDATE mitigation.host_interval SET held_to = greatest($4, held_from)
  WHERE endpoint_id = $1 AND held_to IS NULL
    AND (kind, value) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))`;

const BEGIN_INTERVALS = `
  INSERT INTO mitigation.host_interval (endpoint_id, kind, value, held_from)
  SELECT $1, kind, value, $4 FROM unnest($2::text[], $3::text[]) AS held (kind, value)
  ON CONFLICT (endpoint_id, kind, value) WHERE held_to IS NULL DO NOTHING`;

/**
 * Writes what an agent reported about its machine, and since when it holds which names and addresses. Returns whether a name or an
 * address came or went, so that unresolved detections may find their endpoint now. It writes: never in the transaction of an append.
 */
export async function recordHost(
  client: ClientBase,
  endpointId: string,
  report: HostReport,
  at: Date,
): Promise<boolean> {
  const { host } = report;
  const updated = await client.query(UPDATE_ENDPOINT, [
    endpointId,
    host === undefined ? null : host.hostname,
    host === undefined ? null : [...new Set(host.ips.map(ipForm))],
    host === undefined ? null : [...new Set(host.macs)],
    host?.platform ?? null,
    host?.osVersion ?? null,
    report.agentVersion ?? null,
    report.capabilities === undefined ? null : [...new Set(report.capabilities)].sort(),
    at,
  ]);
  if ((updated.rowCount ?? 0) > 0) await agentsOfEndpointsChanged(client, [endpointId]);
  if (host === undefined) return false;
  const held = identifiersOf({ ...host, hostname: hostnameForm(host.hostname) });
  const pairs = (['mac', 'hostname', 'ip'] as const).flatMap((kind) =>
    held[kind].map((value) => [kind, value] as const),
  );
  const values = [endpointId, pairs.map(([kind]) => kind), pairs.map(([, value]) => value), at];
  const ended = await client.query(END_INTERVALS, values);
  const begun = await client.query(BEGIN_INTERVALS, values);
  return (ended.rowCount ?? 0) + (begun.rowCount ?? 0) > 0;
}

/** Deletes what ended more than {@link HOST_INTERVAL_DAYS} before `now`; returns how many rows. */
export async function pruneHostIntervals(client: ClientBase | Pool, now: Date): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM mitigation.host_interval WHERE held_to < $1::timestamptz - make_interval(days => $2)`,
    [now, HOST_INTERVAL_DAYS],
  );
  return rowCount ?? 0;
}
