import { hostnameForm } from '@quell/contracts/host-identifiers';
import type { Platform } from '@quell/contracts/vocabulary';
import { identifiersOf } from './identifiers.ts';
import { sameHost } from './match.ts';

/** A machine as its agent describes it. */
export interface Machine {
  readonly hostname?: string | undefined;
  readonly macs: readonly string[];
  readonly platform?: Platform | undefined;
}

/** A device as the registry describes it. */
export interface DescribedDevice {
  readonly deviceId: string;
  readonly hostnames: readonly string[];
  readonly macs: readonly string[];
  readonly platform?: Platform | undefined;
}

/** By what a machine and a device seem to be one; `no` when what both are known to have differs, `unknown` when nothing says so. */
export type Kinship = 'mac' | 'hostname' | 'no' | 'unknown';

/**
 * Whether a machine may be a device. A shared adapter says so unless the names or the platforms differ; a shared name says so unless the
 * adapters or the platforms do. Addresses say nothing: they move.
 */
export function kinshipOf(machine: Machine, device: DescribedDevice): Kinship {
  const own = identifiersOf({ macs: machine.macs, hostname: machine.hostname });
  const macs = identifiersOf({ macs: device.macs }).mac;
  const names = device.hostnames.flatMap((hostname) => identifiersOf({ hostname }).hostname);
  const [name] = own.hostname;
  const sharesMac = own.mac.some((mac) => macs.includes(mac));
  const sharesName = name !== undefined && names.some((other) => hostnameForm(other) === name);
  if (!sharesMac && !sharesName) return 'unknown';
  if (machine.platform !== undefined && device.platform !== undefined && machine.platform !== device.platform)
    return 'no';
  if (sharesMac) {
    const otherName = name !== undefined && names.length > 0 && !names.some((other) => sameHost(other, name));
    return otherName ? 'no' : 'mac';
  }
  return own.mac.length > 0 && macs.length > 0 ? 'no' : 'hostname';
}

/**
 * The one device that a machine seems to be, among all that share an adapter or a name with it, and by what; undefined when none does, or
 * several may. A name that any other device has too identifies neither. Source: design.md, "Endpoint of a detection".
 */
export function deviceOf(
  machine: Machine,
  devices: readonly DescribedDevice[],
): { readonly device: DescribedDevice; readonly by: 'mac' | 'hostname' } | undefined {
  const kin = devices.map((device) => ({ device, by: kinshipOf(machine, device) }));
  const byMac = kin.filter(({ by }) => by === 'mac');
  const [one, second] = byMac.length > 0 ? byMac : kin.filter(({ by }) => by !== 'unknown');
  if (one === undefined || second !== undefined || one.by === 'no' || one.by === 'unknown') return undefined;
  return { device: one.device, by: one.by };
}

/** An endpoint with the names that matter for which device it is. */
export interface AliasedEndpoint {
  readonly endpointId: string;
  readonly agentId?: string | undefined;
  readonly deviceId?: string | undefined;
  /** Whether `deviceId` was inferred. */
  readonly matched: boolean;
}

/**
 * Whether `endpoint`, which has an agent, may be called `deviceId` from now on, that `holder` is called so far. What an agent said of itself
 * stands; an inferred name gives way, but for the endpoint that was made for the device: its id says which one it is. An endpoint without
 * an agent loses the name to one that has one.
 *
 * @param ownEndpointId the id of the endpoint that is made for a device
 */
export function mayBeCalled(
  endpoint: AliasedEndpoint,
  deviceId: string,
  holder: AliasedEndpoint | undefined,
  ownEndpointId: (deviceId: string) => string,
): boolean {
  if (endpoint.deviceId === deviceId) return false;
  return givesUp(endpoint, ownEndpointId) && (holder?.agentId === undefined || givesUp(holder, ownEndpointId));
}

function givesUp(
  { endpointId, deviceId, matched }: AliasedEndpoint,
  ownEndpointId: (deviceId: string) => string,
): boolean {
  return deviceId === undefined || (matched && endpointId !== ownEndpointId(deviceId));
}
