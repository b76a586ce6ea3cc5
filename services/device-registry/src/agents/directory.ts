import { hostnameForm } from '@quell/contracts/host-identifiers';
import { isDeviceIdOfPath } from '@quell/contracts/vocabulary';
import { textArray } from '@quell/event-store/array-parameters';
import type { ClientBase } from 'pg';
import { type DeviceCommand, decide } from '../device/decide.ts';
import { type Device, identityOf } from '../device/device.ts';
import { evolve } from '../device/evolve.ts';
import { loadRows } from '../device-store/load.ts';
import { type AgentRow, loadAgents } from './agent-rows.ts';
import { type AgentNaming, type Candidate, identifiersOf, MAX_CANDIDATES, type MatchFacts } from './match.ts';

/** An agent's place as matching sees it. */
interface Link {
  readonly agentId: string;
  readonly endpointId: string;
  readonly deviceId: string;
  readonly active: boolean;
}

/**
 * What is known of the devices and agents that a batch may concern, brought up to date as its agents are matched one after the other: an
 * agent finds the device that the one before it registered.
 */
export class Directory {
  readonly #devices: Map<string, Device>;
  readonly #links = new Map<string, Link>();
  /** The agents of each endpoint, and the active ones on each device. */
  readonly #onEndpoint = new Map<string, Set<string>>();
  readonly #activeOn = new Map<string, Set<string>>();
  /** Ids of active devices by `mac <mac>` and `hostname <name>`. */
  readonly #named: Map<string, Set<string>>;

  private constructor(devices: Map<string, Device>, links: Iterable<Link>, named: Map<string, Set<string>>) {
    this.#devices = devices;
    this.#named = named;
    for (const link of links) this.#keep(link);
  }

  /** Reads it; only reads, so it may stand before an append. What it has read is right while nobody else changes devices. */
  static async load(
    client: ClientBase,
    agents: readonly AgentNaming[],
    known: readonly AgentRow[],
  ): Promise<Directory> {
    const agentIds = agents.map(({ agentId }) => agentId);
    const named = await lookUp(client, agents, agentIds);
    const wanted = new Set([...named.values()].flatMap((ids) => [...ids]));
    for (const { deviceId, endpointId } of agents) wanted.add(deviceId ?? endpointId).add(endpointId);
    for (const { device_id } of known) if (device_id !== null) wanted.add(device_id);
    const deviceIds = [...wanted];
    const rows = await loadAgents(client, { agentIds: [], deviceIds });
    const links = new Map<string, Link>();
    for (const row of [...known, ...rows]) {
      if (row.device_id === null) continue;
      const { agent_id: agentId, endpoint_id: endpointId, device_id: deviceId } = row;
      links.set(agentId, { agentId, endpointId, deviceId, active: row.status === 'active' });
    }
    return new Directory(await loadRows(client, deviceIds), links.values(), named);
  }

  device(deviceId: string): Device | undefined {
    return this.#devices.get(deviceId);
  }

  /** What there is to match an agent by. @param except a device that is left out, as if it did not exist */
  factsFor(agent: AgentNaming, except?: string): MatchFacts {
    const { agentId, deviceId: stated } = agent;
    const { hostname, macs } = identifiersOf(agent);
    const others = this.othersOf(agent).filter((link) => link.deviceId !== except);
    const linked = this.#links.get(agentId)?.deviceId;
    const known = (candidates: Candidate[]) => candidates.filter(({ deviceId }) => deviceId !== except);
    return {
      statesNone: stated !== undefined && !this.#devices.has(stated) && !isDeviceIdOfPath(stated),
      linked: linked === except ? undefined : linked,
      linkedEndpoint: (others.find(({ active }) => active) ?? others[0])?.deviceId,
      byMac: known(
        this.#candidates(
          macs.map((mac) => `mac ${mac}`),
          agentId,
        ),
      ),
      byHostname: hostname === undefined ? [] : known(this.#candidates([`hostname ${hostname}`], agentId, 'free')),
    };
  }

  /** The other agents of an agent's endpoint, each with its device. */
  othersOf({ agentId, endpointId }: AgentNaming): Link[] {
    const others = [...(this.#onEndpoint.get(endpointId) ?? [])].filter((other) => other !== agentId);
    return others.map((other) => this.#links.get(other)!);
  }

  /** Other active agents on a device. */
  othersOn(deviceId: string, agentId: string): boolean {
    const active = this.#activeOn.get(deviceId);
    return active !== undefined && active.size > (active.has(agentId) ? 1 : 0);
  }

  /** From now on the agent runs on the device, or is on none any more. */
  link({ agentId, endpointId }: AgentNaming, deviceId: string, active: boolean): void {
    this.#keep({ agentId, endpointId, deviceId, active });
  }

  #keep(link: Link): void {
    const { agentId } = link;
    const before = this.#links.get(agentId);
    if (before !== undefined) {
      this.#onEndpoint.get(before.endpointId)?.delete(agentId);
      this.#activeOn.get(before.deviceId)?.delete(agentId);
    }
    this.#links.set(agentId, link);
    addTo(this.#onEndpoint, link.endpointId, agentId);
    if (link.active) addTo(this.#activeOn, link.deviceId, agentId);
  }

  /** Whether an agent is known to be active. */
  isActive(agentId: string): boolean {
    return this.#links.get(agentId)?.active === true;
  }

  /** Brings a device to what a command makes of it at `now` (RFC 3339); returns whether that is a change. */
  apply(deviceId: string, command: DeviceCommand, now: string): boolean {
    const before = this.#devices.get(deviceId);
    const decision = decide(deviceId, before, command);
    if (!decision.ok || decision.events.length === 0) return false;
    let device = before;
    for (const event of decision.events) {
      device = evolve(device, { ...event, version: (device?.version ?? 0) + 1, recordedAt: now });
    }
    for (const key of keysOf(before)) this.#named.get(key)?.delete(deviceId);
    for (const key of keysOf(device)) addTo(this.#named, key, deviceId);
    if (device !== undefined) this.#devices.set(deviceId, device);
    return true;
  }

  /** @param which `free`: only those that no other active agent runs on, which of a crowd are few */
  #candidates(keys: readonly string[], agentId: string, which: 'all' | 'free' = 'all'): Candidate[] {
    const ids = new Set<string>();
    for (const key of keys) {
      for (const id of this.#named.get(key) ?? []) if (which === 'all' || !this.othersOn(id, agentId)) ids.add(id);
    }
    return [...ids].sort().flatMap((deviceId) => {
      const device = this.#devices.get(deviceId);
      if (device === undefined) return [];
      const { hostnames, macs } = identityOf(device);
      return [{ deviceId, hostnames, macs, hasOtherAgent: this.othersOn(deviceId, agentId) }];
    });
  }
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

/** A host name that more devices have tells no machine apart, as `localhost` does not; to look through all of them would take seconds. */
const CROWD = 1000;

// Of the devices with a host name only those matter that no other agent runs on; those of the batch are judged one by one.
async function lookUp(
  client: ClientBase,
  agents: readonly AgentNaming[],
  agentIds: readonly string[],
): Promise<Map<string, Set<string>>> {
  const keys = new Set(
    agents.flatMap((agent) => {
      const { hostname, macs } = identifiersOf(agent);
      return [...macs.map((mac) => `mac ${mac}`), ...(hostname === undefined ? [] : [`hostname ${hostname}`])];
    }),
  );
  const found = new Map<string, Set<string>>();
  if (keys.size === 0) return found;
  const pairs = [...keys].map((key) => [key.slice(0, key.indexOf(' ')), key.slice(key.indexOf(' ') + 1)] as const);
  const { rows } = await client.query<{ kind: string; value: string; device_id: string }>(
    `SELECT w.kind, w.value, one.device_id FROM unnest($1::text[], $2::text[]) AS w (kind, value)
     CROSS JOIN LATERAL (
       SELECT i.device_id FROM (
         SELECT few.device_id, count(*) OVER () AS sharing FROM (
           SELECT device_id FROM device_registry.device_identifier AS d
           WHERE (d.kind, d.value) = (w.kind, w.value) ORDER BY device_id LIMIT ${CROWD + 1}) AS few) AS i
       WHERE w.kind = 'mac' OR (i.sharing <= ${CROWD} AND NOT EXISTS (
         SELECT FROM device_registry.device_agent AS a
         WHERE a.device_id = i.device_id AND a.status = 'active' AND a.agent_id <> ALL ($3::text[])))
       ORDER BY i.device_id LIMIT ${MAX_CANDIDATES + 1}) AS one`,
    [textArray(pairs.map(([kind]) => kind)), textArray(pairs.map(([, value]) => value)), agentIds],
  );
  for (const { kind, value, device_id } of rows) {
    addTo(found, `${kind} ${value}`, device_id);
  }
  return found;
}

function keysOf(device: Device | undefined): string[] {
  if (device?.state !== 'active') return [];
  const { hostnames, macs } = identityOf(device);
  return [...macs.map((mac) => `mac ${mac}`), ...hostnames.map((name) => `hostname ${hostnameForm(name)}`)];
}
