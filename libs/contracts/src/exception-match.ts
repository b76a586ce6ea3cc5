import { BlockList, isIPv6 } from 'node:net';
import { hostnameForm } from './host-identifiers.ts';
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

/** The first entry that covers the endpoint, or undefined. Host names are compared as DNS does: without case (RFC 4343), with or without the dot at the end. */
export function matchException(
  endpoint: TaskEndpoint,
  exceptions: readonly MitigationException[],
): ExceptionMatch | undefined {
  const match = exceptions.find((exception) => covers(exception, endpoint));
  return match === undefined ? undefined : { exceptionId: match.id, kind: match.kind, value: match.value };
}

function covers(exception: MitigationException, endpoint: TaskEndpoint): boolean {
  const { kind, value, suspendedFor } = exception;
  if (suspendedFor?.includes(endpoint.endpointId) === true) return false;
  switch (kind) {
    case 'device':
      return endpoint.deviceId === value;
    case 'hostname':
      return endpoint.hostname !== undefined && hostnameForm(endpoint.hostname) === hostnameForm(value);
    case 'ip':
    case 'cidr': {
      const list = listOf(exception);
      return endpoint.ips.some((ip) => list.check(ip, familyOf(ip)));
    }
  }
}

/** An exception is held against every endpoint of a batch: its list is made once. */
const lists = new WeakMap<MitigationException, BlockList>();

function listOf(exception: MitigationException): BlockList {
  let list = lists.get(exception);
  if (list === undefined) {
    list = new BlockList();
    const [address = '', prefix] = exception.value.split('/');
    if (prefix === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(prefix), familyOf(address));
    lists.set(exception, list);
  }
  return list;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
