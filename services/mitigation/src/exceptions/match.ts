import { BlockList, isIPv6 } from 'node:net';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import type { ExceptionMatch } from '@quell/contracts/task-status';

/** One entry of the mitigation exception list. */
export interface MitigationException {
  readonly id: string;
  readonly kind: ExceptionMatch['kind'];
  /** An address, a CIDR block, a host name or a device ID. */
  readonly value: string;
}

/** The first entry that covers the endpoint, or undefined. Host names are compared without case (RFC 4343). */
export function matchException(
  endpoint: TaskEndpoint,
  exceptions: readonly MitigationException[],
): ExceptionMatch | undefined {
  const match = exceptions.find((exception) => covers(exception, endpoint));
  return match === undefined ? undefined : { exceptionId: match.id, kind: match.kind, value: match.value };
}

function covers({ kind, value }: MitigationException, endpoint: TaskEndpoint): boolean {
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
