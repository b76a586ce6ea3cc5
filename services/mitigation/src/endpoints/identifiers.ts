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

/** Case and a trailing dot make no difference in DNS. */
export function hostnameForm(hostname: string): string {
  return hostname.trim().toLowerCase().replace(/\.$/, '');
}

/** The canonical text of an address (RFC 5952); an IPv4 address mapped into IPv6 is the IPv4 address. */
export function ipForm(ip: string): string {
  if (!ip.includes(':')) return ip;
  const canonical = new URL(`http://[${ip}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function tellsApartIp(ip: string): boolean {
  if (!ip.includes(':')) return !/^(0\.|127\.|169\.254\.|255\.255\.255\.255$)/.test(ip);
  return ip !== '::' && ip !== '::1' && !/^fe[89ab]/.test(ip);
}

// The same on every machine that has such an adapter: Docker, VirtualBox host-only, VMware host, the WAN miniports of Windows.
const sharedMacs =
  /^(00:00:00:00:00:00|ff:ff:ff:ff:ff:ff|02:42:|0a:00:27:00:00:|00:50:56:c0:00:|20:41:53:59:4e:|50:50:54:50:30:30|33:50:6f:45:30:30)/;

function tellsApartMac(mac: string): boolean {
  return !sharedMacs.test(mac);
}

function tellsApartHostname(hostname: string): boolean {
  return !/^($|localhost($|\.))/.test(hostname);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
