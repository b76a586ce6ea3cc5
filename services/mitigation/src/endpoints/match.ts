import { hostnameForm } from '@quell/contracts/host-identifiers';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import { type IdentifierKind, type Identifiers, identifierKinds, identifiersOf, type Naming } from './identifiers.ts';

/** An endpoint as far as matching needs it. */
export interface KnownEndpoint extends TaskEndpoint {
  readonly macs: readonly string[];
  /** Its other names, beside `hostname`: a device may have several. */
  readonly aliases?: readonly string[];
}

/** The endpoints that one identifier of a hint names. */
export interface Named {
  readonly endpoints: readonly KnownEndpoint[];
  /** So many hold it that it identifies none; `endpoints` are some of them. */
  readonly tooMany?: boolean;
}

/**
 * What is known about one hint: per identifier kind the endpoints it names. agentId: the endpoint it is or was an alias of;
 * deviceId: its holder, or the device that the registry knows; MAC and host name: whoever holds it now or held it at `detectedAt`, and
 * the devices that the registry has with it; IP: whoever held it at `detectedAt`.
 */
export type MatchFacts = Readonly<Partial<Record<IdentifierKind, Named>>>;

export type EndpointMatch =
  | { readonly outcome: 'matched'; readonly by: IdentifierKind; readonly endpoint: TaskEndpoint }
  | { readonly outcome: 'ambiguous'; readonly candidates: readonly TaskEndpoint[]; readonly reason: string }
  | { readonly outcome: 'unknown' };

/** A list of candidates is for people to choose from: longer ones are cut. */
export const MAX_CANDIDATES = 20;

// Which weaker identifiers contradict a match by naming only other endpoints. Addresses move between machines, so an IP says nothing
// against an identifier that stays with one; adapters and names move too, but an agentId is a key that only one machine has.
const contradictors: Readonly<Record<IdentifierKind, readonly IdentifierKind[]>> = {
  agentId: ['deviceId'],
  deviceId: ['mac', 'hostname'],
  mac: ['hostname'],
  hostname: ['ip'],
  ip: [],
};

/**
 * Which endpoint a detection is about: agentId > deviceId > MAC > unique host name > the IP held at `detectedAt`.
 * The wrong machine must never be cleaned, so the strongest identifier that names endpoints gives the candidates, and
 * 1. while there are several, each weaker identifier narrows them to those that it names too;
 * 2. a weaker identifier that names only other endpoints rules out the one left (see `contradictors`);
 * 3. a stronger one that the endpoint holds with another value rules it out (its device ID is D1, the hint says D2).
 * Ruled out or still several: ambiguous, with everything that was named as candidates.
 */
export function matchHint(hint: Naming, facts: MatchFacts): EndpointMatch {
  const named = everyNamed(facts);
  if (named.length === 0) return { outcome: 'unknown' };
  const ambiguous = (reason: string): EndpointMatch => ({
    outcome: 'ambiguous',
    candidates: named.slice(0, MAX_CANDIDATES).map(taskEndpointOf),
    reason,
  });

  const tier = identifierKinds.find((kind) => identifies(facts[kind]));
  if (tier === undefined) return ambiguous('too many endpoints hold what the detection names');
  let candidates = facts[tier]!.endpoints;
  for (const kind of weakerThan(tier)) {
    if (candidates.length === 1 || !identifies(facts[kind])) continue;
    candidates = candidates.filter((candidate) => names(facts[kind]!, candidate));
    if (candidates.length === 0) return ambiguous(`${tier} and ${kind} name different endpoints`);
  }
  const [endpoint, second] = candidates;
  if (endpoint === undefined || second !== undefined) return ambiguous(`several endpoints hold this ${tier}`);

  const other = contradictors[tier].find((kind) => identifies(facts[kind]) && !names(facts[kind]!, endpoint));
  if (other !== undefined) return ambiguous(`${tier} and ${other} name different endpoints`);
  const [given, held] = [identifiersOf(hint), identifiersOfEndpoint(endpoint)];
  const different = strongerThan(tier).find((kind) => holdsAnother(kind, given, held));
  if (different !== undefined) return ambiguous(`the endpoint with this ${tier} has another ${different}`);
  return { outcome: 'matched', by: tier, endpoint: taskEndpointOf(endpoint) };
}

function identifiersOfEndpoint(endpoint: KnownEndpoint): Identifiers {
  const identifiers = identifiersOf(endpoint);
  const aliases = (endpoint.aliases ?? []).flatMap((hostname) => identifiersOf({ hostname }).hostname);
  return { ...identifiers, hostname: [...identifiers.hostname, ...aliases] };
}

/** Whether the endpoint is known to have a `kind`, the hint gives one, and they do not meet. */
function holdsAnother(kind: IdentifierKind, hint: Identifiers, endpoint: Identifiers): boolean {
  const [given, held] = [hint[kind], endpoint[kind]];
  if (given.length === 0 || held.length === 0) return false;
  if (kind === 'hostname') return !given.some((name) => held.some((own) => sameHost(name, own)));
  return !given.some((value) => held.includes(value));
}

// A bare name and a full one agree when the bare one is the other's first label: not enough to identify, too little to contradict.
export function sameHost(a: string, b: string): boolean {
  const [left, right] = [hostnameForm(a), hostnameForm(b)];
  return left === right || left.split('.')[0] === right || right.split('.')[0] === left;
}

/** Whether the identifier names some endpoints, and all that it names are known. */
function identifies(named: Named | undefined): boolean {
  return named !== undefined && named.endpoints.length > 0 && named.tooMany !== true;
}

function strongerThan(tier: IdentifierKind): readonly IdentifierKind[] {
  return identifierKinds.slice(0, identifierKinds.indexOf(tier));
}

function weakerThan(tier: IdentifierKind): readonly IdentifierKind[] {
  return identifierKinds.slice(identifierKinds.indexOf(tier) + 1);
}

function names(named: Named, endpoint: KnownEndpoint): boolean {
  return named.endpoints.some((one) => one.endpointId === endpoint.endpointId);
}

function everyNamed(facts: MatchFacts): KnownEndpoint[] {
  const byId = new Map<string, KnownEndpoint>();
  for (const kind of identifierKinds) {
    for (const endpoint of facts[kind]?.endpoints ?? []) byId.set(endpoint.endpointId, endpoint);
  }
  return [...byId.values()];
}

function taskEndpointOf({ macs: _, aliases: __, ...endpoint }: KnownEndpoint): TaskEndpoint {
  return endpoint;
}
