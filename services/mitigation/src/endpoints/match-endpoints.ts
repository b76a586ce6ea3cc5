import type { EndpointHint } from '@quell/contracts/detection';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import { int4Array, textArray } from '@quell/event-store/array-parameters';
import type { ClientBase } from 'pg';
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
  readonly endpoint_id: string;
  readonly agent_id: string | null;
  readonly device_id: string | null;
  readonly hostname: string | null;
  readonly ips: string[];
  readonly macs: string[];
  readonly platform: TaskEndpoint['platform'] | null;
}

// An agentId keeps naming its endpoint after a newer agent took over. The conditions on l.kind are constant per lookup, so
// only one branch is executed. One row an endpoint, not one a lookup: a batch is mostly about few endpoints.
const LOOKUP = `
  SELECT string_agg(named.lookup::text, ',') AS lookups, e.endpoint_id, e.agent_id, e.device_id, e.hostname, e.ips, e.macs, e.platform
  FROM (
    SELECT l.lookup, one.endpoint_id
    FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]::timestamptz[]) AS l (lookup, kind, value, at)
    CROSS JOIN LATERAL (
      SELECT a.endpoint_id FROM mitigation.agent a WHERE l.kind = 'agentId' AND a.agent_id = l.value
      UNION ALL
      SELECT d.endpoint_id FROM mitigation.endpoint d WHERE l.kind = 'deviceId' AND d.device_id = l.value
      UNION ALL
      (SELECT DISTINCT i.endpoint_id FROM mitigation.host_interval i
       WHERE l.kind IN ('mac', 'hostname', 'ip') AND i.kind = l.kind AND i.value = l.value
         AND ((i.held_from <= l.at AND (i.held_to IS NULL OR i.held_to > l.at)) OR (l.kind <> 'ip' AND i.held_to IS NULL))
       LIMIT ${TOO_MANY})
    ) AS one
  ) AS named
  JOIN mitigation.endpoint e USING (endpoint_id)
  GROUP BY e.endpoint_id
  ORDER BY e.endpoint_id`;

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
  const { rows } = await client.query<Omit<Row, 'lookups'>>(
    `SELECT endpoint_id, agent_id, device_id, hostname, ips, macs, platform FROM mitigation.endpoint WHERE endpoint_id = $1`,
    [endpointId],
  );
  if (rows[0] === undefined) return undefined;
  const { macs: _, ...endpoint } = knownEndpointOf(rows[0]);
  return endpoint;
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
  const { rows } = await client.query<Row>({
    name: 'match-endpoints',
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

function knownEndpointOf(row: Omit<Row, 'lookups'>): KnownEndpoint {
  return {
    endpointId: row.endpoint_id,
    ...(row.agent_id === null ? {} : { agentId: row.agent_id }),
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    ...(row.hostname === null ? {} : { hostname: row.hostname }),
    ips: row.ips,
    macs: row.macs,
    ...(row.platform === null || row.platform === undefined ? {} : { platform: row.platform }),
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
