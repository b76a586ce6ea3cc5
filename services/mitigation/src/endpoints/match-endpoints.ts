import type { EndpointHint } from '@quell/contracts/detection';
import { ipForm } from '@quell/contracts/host-identifiers';
import { mostEndpointIps, type TaskEndpoint } from '@quell/contracts/task-endpoint';
import { int4Array, textArray } from '@quell/event-store/array-parameters';
import type { ClientBase } from 'pg';
import { endpointIdOfDevice } from './device-endpoint.ts';
import { type IdentifierKind, identifierKinds, identifiersOf } from './identifiers.ts';
import { type EndpointMatch, type KnownEndpoint, matchHint, type Named } from './match.ts';

/** A hint and when its detection was seen. */
export interface HintAt {
  readonly hint: EndpointHint;
  /** RFC 3339. */
  readonly detectedAt: string;
}

/** From this number of holders on an identifier is taken to identify nobody: every Docker host has a 172.17.0.1. */
const TOO_MANY = 50;

interface Row {
  /** Numbers of the lookups that name the endpoint, separated by commas. */
  readonly lookups: string;
  /** Null: a device that is no endpoint yet. */
  readonly endpoint_id: string | null;
  readonly agent_id: string | null;
  readonly device_id: string | null;
  readonly hostname: string | null;
  readonly ips: string[] | null;
  readonly macs: string[] | null;
  readonly platform: TaskEndpoint['platform'] | null;
  readonly known_hostnames: string[] | null;
  readonly known_ips: string[] | null;
  readonly known_macs: string[] | null;
  readonly known_platform: TaskEndpoint['platform'] | null;
}

const COLUMNS = `e.endpoint_id, e.agent_id, e.hostname, e.ips, e.macs, e.platform, k.hostnames AS known_hostnames, k.ips AS known_ips,
    k.macs AS known_macs, k.platform AS known_platform`;

// An agentId keeps naming its endpoint after a newer agent took over. The conditions on l.kind are constant per lookup, so
// only one branch is executed. One row an endpoint, not one a lookup: a batch is mostly about few endpoints. What the registry knows is
// joined by a lateral look at one key, so that no plan reads all of its devices.
const LOOKUP = `
  SELECT named.lookups, coalesce(e.device_id, k.device_id) AS device_id, ${COLUMNS}
  FROM (
    SELECT string_agg(DISTINCT l.lookup::text, ',') AS lookups, one.endpoint_id,
      CASE WHEN one.endpoint_id IS NULL THEN one.device_id END AS device_id
    FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]::timestamptz[]) AS l (lookup, kind, value, at)
    CROSS JOIN LATERAL (
      SELECT a.endpoint_id, NULL AS device_id FROM mitigation.agent a WHERE l.kind = 'agentId' AND a.agent_id = l.value
      UNION ALL
      SELECT d.endpoint_id, NULL FROM mitigation.endpoint d WHERE l.kind = 'deviceId' AND d.device_id = l.value
      UNION ALL
      SELECT NULL, r.device_id FROM mitigation.known_device r WHERE l.kind = 'deviceId' AND r.device_id = l.value AND NOT r.retired
        AND NOT EXISTS (SELECT FROM mitigation.endpoint d WHERE d.device_id = l.value)
      UNION ALL
      (SELECT DISTINCT i.endpoint_id, NULL FROM mitigation.host_interval i
       WHERE l.kind IN ('mac', 'hostname', 'ip') AND i.kind = l.kind AND i.value = l.value
         AND ((i.held_from <= l.at AND (i.held_to IS NULL OR i.held_to > l.at)) OR (l.kind <> 'ip' AND i.held_to IS NULL))
       LIMIT ${TOO_MANY})
      UNION ALL
      (SELECT d.endpoint_id, r.device_id FROM mitigation.known_device_identifier r
       LEFT JOIN mitigation.endpoint d ON d.device_id = r.device_id
       WHERE l.kind IN ('mac', 'hostname') AND r.kind = l.kind AND r.value = l.value
       LIMIT ${TOO_MANY})
    ) AS one
    GROUP BY 2, 3
  ) AS named
  LEFT JOIN mitigation.endpoint e ON e.endpoint_id = named.endpoint_id
  LEFT JOIN LATERAL (
    SELECT r.* FROM mitigation.known_device r WHERE r.device_id = coalesce(named.device_id, e.device_id) AND NOT r.retired LIMIT 1
  ) AS k ON true
  WHERE e.endpoint_id IS NOT NULL OR k.device_id IS NOT NULL
  ORDER BY e.endpoint_id, k.device_id`;

/**
 * Finds the endpoint of each hint; the answers stand in the order of `hints`. One query for all of them, which only reads: it may
 * run before an append in the same transaction.
 */
export async function matchEndpoints(client: ClientBase, hints: readonly HintAt[]): Promise<EndpointMatch[]> {
  const lookups = new Map<string, Lookup>();
  const keyOf = (kind: IdentifierKind, value: string, detectedAt: string): string => {
    // Only intervals depend on the time.
    const at = kind === 'agentId' || kind === 'deviceId' ? '1970-01-01T00:00:00Z' : detectedAt;
    const key = `${kind} ${at} ${value}`;
    lookups.set(key, { kind, value, at });
    return key;
  };
  const wanted = hints.map(({ hint, detectedAt }) => {
    const identifiers = identifiersOf(hint);
    return identifierKinds
      .filter((kind) => identifiers[kind].length > 0)
      .map((kind) => ({ kind, keys: identifiers[kind].map((value) => keyOf(kind, value, detectedAt)) }));
  });

  const found = await lookUp(client, [...lookups.entries()]);
  return hints.map(({ hint }, index) => {
    const facts: Partial<Record<IdentifierKind, Named>> = {};
    for (const { kind, keys } of wanted[index]!) {
      facts[kind] = namedBy(keys.map((key) => found.get(key) ?? []));
    }
    return matchHint(hint, facts);
  });
}

/** The endpoint as tasks keep it, or undefined when there is none with this id. */
export async function loadEndpoint(client: ClientBase, endpointId: string): Promise<TaskEndpoint | undefined> {
  return (await loadEndpoints(client, [endpointId])).get(endpointId);
}

/** Endpoints as tasks keep them, by their ids; those that are none are left out. */
export async function loadEndpoints(
  client: ClientBase,
  endpointIds: readonly string[],
): Promise<Map<string, TaskEndpoint>> {
  const { rows } = await client.query<Omit<Row, 'lookups'>>(
    `SELECT e.device_id, ${COLUMNS} FROM mitigation.endpoint e
     LEFT JOIN mitigation.known_device k ON k.device_id = e.device_id AND NOT k.retired
     WHERE e.endpoint_id = ANY($1::uuid[])`,
    [endpointIds],
  );
  return new Map(
    rows.map((row) => {
      const { macs: _, aliases: __, ...endpoint } = knownEndpointOf(row);
      return [endpoint.endpointId, endpoint];
    }),
  );
}

interface Lookup {
  readonly kind: IdentifierKind;
  readonly value: string;
  /** RFC 3339. */
  readonly at: string;
}

async function lookUp(
  client: ClientBase,
  lookups: readonly (readonly [key: string, lookup: Lookup])[],
): Promise<Map<string, KnownEndpoint[]>> {
  const found = new Map<string, KnownEndpoint[]>();
  if (lookups.length === 0) return found;
  // Planned each time: a plan that was kept from when the registry was empty reads all of it for every lookup, until its next ANALYZE.
  const { rows } = await client.query<Row>({
    text: LOOKUP,
    values: [
      int4Array(lookups.map((_, index) => index)),
      textArray(lookups.map(([, { kind }]) => kind)),
      textArray(lookups.map(([, { value }]) => value)),
      textArray(lookups.map(([, { at }]) => at)),
    ],
  });
  for (const row of rows) {
    const endpoint = knownEndpointOf(row);
    for (const number of row.lookups.split(',')) {
      const key = lookups[Number(number)]![0];
      const list = found.get(key);
      if (list === undefined) found.set(key, [endpoint]);
      else list.push(endpoint);
    }
  }
  return found;
}

/** What the agent says of its machine, else what the registry knows; all names and adapters that either has. */
function knownEndpointOf(row: Omit<Row, 'lookups'>): KnownEndpoint {
  const [known, ...others] = row.known_hostnames ?? [];
  const hostname = row.hostname ?? known;
  const aliases = row.hostname === null ? others : (row.known_hostnames ?? []);
  const isKnownAlone = row.agent_id === null && (row.ips ?? []).length === 0;
  const ips = isKnownAlone ? (row.known_ips ?? []).slice(0, mostEndpointIps).map(ipForm) : (row.ips ?? []);
  const platform = row.platform ?? row.known_platform;
  return {
    endpointId: row.endpoint_id ?? endpointIdOfDevice(row.device_id!),
    ...(row.agent_id === null ? {} : { agentId: row.agent_id }),
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(aliases.length === 0 ? {} : { aliases }),
    ips,
    macs: [...new Set([...(row.macs ?? []), ...(row.known_macs ?? [])])],
    ...(platform === null || platform === undefined ? {} : { platform }),
  };
}

/** A value that too many hold says nothing; beside one that identifies somebody it is left out. */
function namedBy(perValue: readonly KnownEndpoint[][]): Named {
  const telling = perValue.filter((list) => list.length > 0 && list.length < TOO_MANY);
  if (telling.length > 0) return { endpoints: distinct(telling.flat()) };
  return { endpoints: distinct(perValue.flat()), tooMany: true };
}

function distinct(endpoints: readonly KnownEndpoint[]): KnownEndpoint[] {
  return [...new Map(endpoints.map((endpoint) => [endpoint.endpointId, endpoint])).values()];
}
