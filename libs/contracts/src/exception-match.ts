import { BlockList, isIPv6 } from 'node:net';
import type { TaskEndpoint } from './task-endpoint.ts';
import type { ExceptionMatch } from './task-status.ts';

/** One entry of the mitigation exception list. */
export interface MitigationException {
  readonly id: string;
  readonly kind: ExceptionMatch['kind'];
  /** An address, a CIDR block, a host name or a device ID. */
  readonly value: string;
  /** Endpoints that it does not cover now. */
  readonly suspendedFor?: readonly string[];
}

/** The first entry that covers the endpoint, or undefined. Host names are compared without case (RFC 4343). */
export function matchException(
  endpoint: TaskEndpoint,
  exceptions: readonly MitigationException[],
): ExceptionMatch | undefined {
  const match = exceptions.find((exception) => covers(exception, endpoint));
  return match === undefined ? undefined : { exceptionId: match.id, kind: match.kind, value: match.value };
}

function covers({ kind, value, suspendedFor }: MitigationException, endpoint: TaskEndpoint): boolean {
  if (suspendedFor?.includes(endpoint.endpointId) === true) return false;
  switch (kind) {
    case 'device':
      return endpoint.deviceId === value;
    case 'hostname':
      return endpoint.hostname?.toLowerCase() === value.toLowerCase();
    case 'ip':
    case 'cidr': {
      const list = new BlockList();
      const [address = '', prefix] = value.split('/');
      const family = isIPv6(address) ? 'ipv6' : 'ipv4';
      if (prefix === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(prefix), family);
      return endpoint.ips.some((ip) => list.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4'));
    }
  }
}
