import { hostnameForm, ipForm, tellsApartHostname, tellsApartMac } from '@quell/contracts/host-identifiers';

/** What tells endpoints apart, strongest first. Source: design.md, "Endpoint of a detection". */
export const identifierKinds = ['agentId', 'deviceId', 'mac', 'hostname', 'ip'] as const;
export type IdentifierKind = (typeof identifierKinds)[number];

/** Whatever names a machine: a detection's hint, an enrolling host, an endpoint on record. */
export interface Naming {
  readonly agentId?: string | undefined;
  readonly deviceId?: string | undefined;
  readonly hostname?: string | undefined;
  readonly ips?: readonly string[] | undefined;
  readonly macs?: readonly string[] | undefined;
}

/** The identifiers of one hint or host in the one form that they are compared in. */
export type Identifiers = Readonly<Record<IdentifierKind, readonly string[]>>;

/**
 * Brings a hint's (or a host's) identifiers into the form they are compared in, and leaves out those that many machines share:
 * loopback and link-local addresses, the fixed addresses of virtual adapters, `localhost`.
 */
export function identifiersOf(naming: Naming): Identifiers {
  return {
    agentId: naming.agentId === undefined ? [] : [naming.agentId],
    deviceId: naming.deviceId === undefined ? [] : [naming.deviceId],
    mac: distinct((naming.macs ?? []).map((mac) => mac.toLowerCase().replaceAll('-', ':')).filter(tellsApartMac)),
    hostname: naming.hostname === undefined ? [] : [hostnameForm(naming.hostname)].filter(tellsApartHostname),
    ip: distinct((naming.ips ?? []).map(ipForm).filter(tellsApartIp)),
  };
}

/** One identifier as a text: what unresolved detections are looked up by. */
export function hintKey(kind: IdentifierKind, value: string): string {
  return `${kind} ${value}`;
}

/** Everything that a hint may be found by. */
export function hintKeysOf(naming: Naming): string[] {
  const identifiers = identifiersOf(naming);
  return identifierKinds.flatMap((kind) => identifiers[kind].map((value) => hintKey(kind, value)));
}

function tellsApartIp(ip: string): boolean {
  if (!ip.includes(':')) return !/^(0\.|127\.|169\.254\.|255\.255\.255\.255$)/.test(ip);
  return ip !== '::' && ip !== '::1' && !/^fe[89ab]/.test(ip);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
