import { hostnameForm, tellsApartHostname, tellsApartMac } from '@quell/contracts/host-identifiers';

/** What an agent says of itself and its machine, as far as matching needs it. */
export interface AgentNaming {
  readonly agentId: string;
  readonly endpointId: string;
  /** The id of its device, when the agent was told. */
  readonly deviceId?: string | undefined;
  readonly hostname?: string | undefined;
  readonly macs: readonly string[];
}

/** A device that one of the agent's identifiers names. */
export interface Candidate {
  readonly deviceId: string;
  readonly hostnames: readonly string[];
  readonly macs: readonly string[];
  /** Whether another agent that is active runs on it. */
  readonly hasOtherAgent: boolean;
}

export interface MatchFacts {
  /** No device has the id that it states, and none can be registered under it. */
  readonly statesNone?: boolean | undefined;
  /** The device it was matched to before. */
  readonly linked?: string | undefined;
  /** The device of another agent of its endpoint: the machine was enrolled anew. */
  readonly linkedEndpoint?: string | undefined;
  /** Active devices that have one of its MACs, and those that have its host name. */
  readonly byMac: readonly Candidate[];
  readonly byHostname: readonly Candidate[];
}

export type MatchedBy = 'device-id' | 'link' | 'endpoint' | 'mac' | 'hostname' | 'registered' | 'assigned';

export type AgentMatch =
  | { readonly kind: 'matched'; readonly deviceId: string; readonly by: MatchedBy }
  | { readonly kind: 'unresolved'; readonly candidates: readonly string[]; readonly reason: string };

/** A list of candidates is for people to choose from: longer ones are cut. */
export const MAX_CANDIDATES = 20;

/**
 * The device that an agent runs on: the one it states; else the one it was matched to before, or another agent of its endpoint was; else
 * the only one with one of its MACs; else the only one with its host name among those that no other active agent runs on; else a new
 * one, whose id follows from the endpoint. What would be a guess is unresolved:
 * 1. several devices have its MACs, or (without another agent) its host name;
 * 2. the device with its MAC has another active agent and other host names: adapters move between machines;
 * 3. the device with its host name has other MACs;
 * 4. it is on none yet and states an id that no device has or can get: it means another one than its MACs and host name would tell.
 */
export function matchAgent(agent: AgentNaming, facts: MatchFacts): AgentMatch {
  if (agent.deviceId !== undefined && !facts.statesNone) return matched(agent.deviceId, 'device-id');
  if (facts.linked !== undefined) return matched(facts.linked, 'link');
  if (facts.linkedEndpoint !== undefined) return matched(facts.linkedEndpoint, 'endpoint');

  const { hostname, macs } = identifiersOf(agent);
  const { byMac } = facts;
  const free = facts.byHostname.filter(({ hasOtherAgent }) => !hasOtherAgent);
  if (facts.statesNone) {
    return unresolved(
      byMac.length > 0 ? byMac : free,
      `it states the id "${agent.deviceId}", which no device has or can get`,
    );
  }
  const [first, second] = byMac;
  if (second !== undefined) return unresolved(byMac, 'several devices have its MACs');
  if (first !== undefined) {
    const named = identifiersOfDevice(first).hostnames;
    const otherName = hostname !== undefined && named.length > 0 && !named.includes(hostname);
    if (!first.hasOtherAgent || !otherName) return matched(first.deviceId, 'mac');
    return unresolved(byMac, 'the device with its MAC has another agent and another host name');
  }

  const [only, another] = free;
  if (another !== undefined) return unresolved(free, 'several devices have its host name');
  if (only === undefined) return matched(agent.endpointId, 'registered');
  // None of them is one of the agent's, or it would stand in byMac.
  if (macs.length > 0 && identifiersOfDevice(only).macs.length > 0) {
    return unresolved(free, 'the device with its host name has other MACs');
  }
  return matched(only.deviceId, 'hostname');
}

/** What tells its machine apart, in the form in which it is compared. */
export function identifiersOf({ hostname, macs }: Pick<AgentNaming, 'hostname' | 'macs'>) {
  const name = hostname === undefined ? undefined : hostnameForm(hostname);
  return {
    hostname: name !== undefined && tellsApartHostname(name) ? name : undefined,
    macs: [...new Set(macs)].filter(tellsApartMac),
  };
}

function identifiersOfDevice({ hostnames, macs }: Pick<Candidate, 'hostnames' | 'macs'>) {
  return { hostnames: hostnames.map(hostnameForm), macs: macs.filter(tellsApartMac) };
}

function matched(deviceId: string, by: MatchedBy): AgentMatch {
  return { kind: 'matched', deviceId, by };
}

function unresolved(candidates: readonly Candidate[], reason: string): AgentMatch {
  return {
    kind: 'unresolved',
    candidates: candidates.slice(0, MAX_CANDIDATES).map(({ deviceId }) => deviceId),
    reason,
  };
}
