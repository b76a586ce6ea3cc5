import type { ClientBase } from 'pg';
import {
  type AliasedEndpoint,
  type DescribedDevice,
  deviceOf,
  type Machine,
  mayBeCalled,
} from '../endpoints/decide-device.ts';
import { endpointIdOfDevice } from '../endpoints/device-endpoint.ts';
import { identifiersOf } from '../endpoints/identifiers.ts';

/** So many that share an adapter or a name are a crowd, of which none is recognised by it. */
const CROWD = 20;

/** The device that a machine is recognised as, and the endpoint that is called so, with its agent. */
export interface Recognised {
  readonly deviceId: string;
  readonly holder: AliasedEndpoint | undefined;
}

/**
 * Which device of the registry a machine is, told by its adapters and name; undefined when it may be none or several, or when
 * another machine with an agent has the same name or adapter.
 *
 * @param endpointId the endpoint it is already, if any
 */
export async function recognise(
  client: ClientBase,
  machine: Machine,
  endpointId?: string,
): Promise<Recognised | undefined> {
  const identifiers = identifiersOf({ hostname: machine.hostname, macs: machine.macs });
  const pairs = (['mac', 'hostname'] as const).flatMap((kind) => identifiers[kind].map((value) => ({ kind, value })));
  if (pairs.length === 0) return undefined;
  const values = [pairs.map(({ kind }) => kind), pairs.map(({ value }) => value)];
  const sharing = await client.query<DescribedDevice>(
    `SELECT DISTINCT k.device_id AS "deviceId", k.hostnames, k.macs, k.platform
     FROM unnest($1::text[], $2::text[]) AS g (kind, value)
     CROSS JOIN LATERAL (
       SELECT device_id, count(*) OVER () AS sharing
       FROM (SELECT device_id FROM mitigation.known_device_identifier i
             WHERE i.kind = g.kind AND i.value = g.value LIMIT ${CROWD}) AS few
     ) AS s
     JOIN mitigation.known_device k USING (device_id)
     WHERE s.sharing < ${CROWD}`,
    values,
  );
  const devices = sharing.rows.map(({ platform, ...row }) => ({ ...row, ...(platform ? { platform } : {}) }));
  const found = deviceOf(machine, devices);
  if (found === undefined) return undefined;
  const { deviceId } = found.device;
  const rivals = await client.query(
    `SELECT FROM unnest($1::text[], $2::text[]) AS g (kind, value)
     JOIN mitigation.known_device_identifier k ON k.kind = g.kind AND k.value = g.value AND k.device_id = $3
     JOIN mitigation.host_interval i ON i.kind = g.kind AND i.value = g.value AND i.held_to IS NULL
     JOIN mitigation.endpoint e ON e.endpoint_id = i.endpoint_id AND e.agent_id IS NOT NULL
     WHERE g.kind = $4 AND e.endpoint_id IS DISTINCT FROM $5::uuid LIMIT 1`,
    [...values, deviceId, found.by, endpointId ?? null],
  );
  if (rivals.rows.length > 0) return undefined;
  return { deviceId, holder: (await loadHolders(client, [deviceId])).get(deviceId) };
}

interface AliasRow {
  readonly endpoint_id: string;
  readonly agent_id: string | null;
  readonly device_id: string | null;
  readonly device_matched: boolean;
}

function aliasedOf(row: AliasRow): AliasedEndpoint {
  return {
    endpointId: row.endpoint_id,
    ...(row.agent_id === null ? {} : { agentId: row.agent_id }),
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    matched: row.device_matched,
  };
}

async function loadHolders(client: ClientBase, deviceIds: readonly string[]): Promise<Map<string, AliasedEndpoint>> {
  const { rows } = await client.query<AliasRow>(
    'SELECT endpoint_id, agent_id, device_id, device_matched FROM mitigation.endpoint WHERE device_id = ANY($1::text[])',
    [deviceIds],
  );
  return new Map(rows.map((row) => [row.device_id!, aliasedOf(row)]));
}

/** Calls the endpoint by the device, if it may be. What waits for an endpoint without an agent that was called so comes along. */
async function call(
  client: ClientBase,
  endpoint: AliasedEndpoint,
  deviceId: string,
  holder: AliasedEndpoint | undefined,
): Promise<void> {
  if (!mayBeCalled(endpoint, deviceId, holder, endpointIdOfDevice)) return;
  if (holder !== undefined) {
    await client.query(
      `UPDATE mitigation.endpoint SET device_id = NULL, former_device_id = CASE WHEN agent_id IS NULL THEN device_id END
       WHERE endpoint_id = $1`,
      [holder.endpointId],
    );
    if (holder.agentId === undefined) await moveWaiting(client, holder.endpointId, endpoint.endpointId);
  }
  await client.query(
    'UPDATE mitigation.endpoint SET device_id = $2, device_matched = true, updated_at = now() WHERE endpoint_id = $1',
    [endpoint.endpointId, deviceId],
  );
}

async function moveWaiting(client: ClientBase, from: string, to: string): Promise<void> {
  await client.query(`UPDATE mitigation.work SET endpoint_id = $2 WHERE endpoint_id = $1 AND phase = 'queued'`, [
    from,
    to,
  ]);
  await client.query(
    `UPDATE mitigation.open_task o SET endpoint_id = $2 WHERE endpoint_id = $1
       AND NOT EXISTS (SELECT FROM mitigation.open_task t WHERE t.endpoint_id = $2 AND t.threat_key = o.threat_key)`,
    [from, to],
  );
}

/** Looks which devices these machines with agents are, as far as they are not known to be one. */
export async function recogniseMachines(client: ClientBase, endpointIds: readonly string[]): Promise<void> {
  if (endpointIds.length === 0) return;
  const { rows } = await client.query<
    AliasRow & { hostname: string | null; macs: string[]; platform: Machine['platform'] | null }
  >(
    `SELECT endpoint_id, agent_id, device_id, device_matched, hostname, macs, platform FROM mitigation.endpoint
     WHERE endpoint_id = ANY($1::uuid[]) AND agent_id IS NOT NULL AND device_id IS NULL ORDER BY endpoint_id FOR NO KEY UPDATE`,
    [endpointIds],
  );
  for (const row of rows) {
    const machine = { hostname: row.hostname ?? undefined, macs: row.macs, platform: row.platform ?? undefined };
    const recognised = await recognise(client, machine, row.endpoint_id);
    // A device with a machine of its own keeps it: only the registry may say otherwise.
    if (recognised === undefined || recognised.holder?.agentId !== undefined) continue;
    await call(client, aliasedOf(row), recognised.deviceId, recognised.holder);
  }
}

/**
 * Looks which machines with agents these devices are: the one whose agent the registry names, else the one that is recognised. Nothing
 * is written where nothing is to be said, which is nearly always.
 */
export async function recogniseDevices(client: ClientBase, deviceIds: readonly string[]): Promise<void> {
  if (deviceIds.length === 0) return;
  const named = await client.query<AliasRow & { called: string }>(
    `SELECT k.device_id AS called, e.endpoint_id, e.agent_id, e.device_id, e.device_matched
     FROM mitigation.known_device k JOIN mitigation.endpoint e ON e.agent_id = k.agent_id
     WHERE k.device_id = ANY($1::text[]) AND NOT k.retired AND e.device_id IS DISTINCT FROM k.device_id
     ORDER BY e.endpoint_id FOR NO KEY UPDATE OF e`,
    [deviceIds],
  );
  for (const row of named.rows) {
    const holder = (await loadHolders(client, [row.called])).get(row.called);
    await call(client, aliasedOf(row), row.called, holder);
  }
  const candidates = await client.query<{ endpoint_id: string }>(
    `SELECT DISTINCT c.endpoint_id FROM mitigation.known_device_identifier k
     CROSS JOIN LATERAL (
       SELECT i.endpoint_id FROM mitigation.host_interval i
       WHERE i.kind = k.kind AND i.value = k.value AND i.held_to IS NULL LIMIT 3
     ) AS c
     JOIN mitigation.endpoint e ON e.endpoint_id = c.endpoint_id AND e.agent_id IS NOT NULL AND e.device_id IS NULL
     WHERE k.device_id = ANY($1::text[])
       AND NOT EXISTS (SELECT FROM mitigation.endpoint h WHERE h.device_id = k.device_id AND h.agent_id IS NOT NULL)`,
    [deviceIds],
  );
  await recogniseMachines(
    client,
    candidates.rows.map((row) => row.endpoint_id),
  );
}
