import { type DeviceFacts, mostGiven } from '@quell/contracts/device';
import type { DeviceEvent, DeviceSource } from '@quell/contracts/device-events';
import { assertNever, isDeviceIdOfPath, reservedDeviceIds } from '@quell/contracts/vocabulary';
import { type ActiveDevice, type Device, type Identity, identityOf, noIdentity } from './device.ts';
import {
  type FactChanges,
  givenFacts,
  identityOfReport,
  normalised,
  type Report,
  sameSet,
  unknownFacts,
} from './facts.ts';

/** What can be done to a device. */
export type DeviceCommand =
  /** A new device, or one that comes back with these facts and no others; refused where there is one with different facts. */
  | { readonly kind: 'register'; readonly facts: DeviceFacts; readonly source: DeviceSource }
  /** Registers it, or lets it come back, or changes what is named: how an import brings a device to what its line says. */
  | { readonly kind: 'bring'; readonly facts: FactChanges; readonly source: DeviceSource }
  | { readonly kind: 'patch'; readonly changes: FactChanges }
  | { readonly kind: 'tag'; readonly add: readonly string[]; readonly remove: readonly string[] }
  | { readonly kind: 'retire'; readonly reason?: string | undefined }
  | AgentReport
  /** The agent runs on another device now. Nothing when another one is shown on this device. */
  | { readonly kind: 'leave'; readonly agentId: string };

/** What the agent on a device reports: registers a device that is unknown. */
export interface AgentReport {
  readonly kind: 'report';
  readonly agentId: string;
  readonly report: Report;
  /** When the agent was enrolled (RFC 3339): a device that was retired before comes back. */
  readonly enrolledAt: string;
}

export interface Refusal {
  /**
   * `exists`: with other facts; `version`: not the one that the command is for; `too-many`: more than can be given; `unnameable`: no path
   * can name a new device with this id.
   */
  readonly code: 'unknown' | 'exists' | 'retired' | 'version' | 'too-many' | 'unnameable';
  readonly detail: string;
  /** What of the device it is about. */
  readonly fact?: keyof DeviceFacts | 'id';
}

/** The events that a command leads to, none when nothing changes, or why it is refused. */
export type Decision =
  | { readonly ok: true; readonly events: readonly DeviceEvent[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** Decides a command on the device with this id, `undefined` for one that was never registered. */
export function decide(id: string, device: Device | undefined, command: DeviceCommand): Decision {
  switch (command.kind) {
    case 'register':
      return unnameable(id, device) ?? register(id, device, normalised(command.facts), command.source);
    case 'bring': {
      const facts = normalised(command.facts);
      if (device?.state === 'active') return changed(device, facts);
      return (
        unnameable(id, device) ??
        tooMany(facts) ??
        events(registration(id, { ...unknownFacts, ...withoutNulls(facts) }, command.source))
      );
    }
    case 'patch':
      return onActive(id, device, (active) => changed(active, normalised(command.changes)));
    case 'tag':
      return onActive(id, device, (active) => {
        const left = active.tags.filter((tag) => !command.remove.includes(tag));
        return changed(active, normalised({ tags: [...left, ...command.add] }));
      });
    case 'retire':
      if (device?.state === 'retired') return events();
      return onActive(id, device, () =>
        events({ type: 'DeviceRetired', data: command.reason === undefined ? {} : { reason: command.reason } }),
      );
    case 'report':
      return unnameable(id, device) ?? reported(id, device, command);
    case 'leave':
      if (device?.state === 'retired') return events();
      return onActive(id, device, ({ agentId }) =>
        agentId === command.agentId ? events({ type: 'DeviceAgentLeft', data: { agentId } }) : events(),
      );
    default:
      return assertNever(command);
  }
}

function register(id: string, device: Device | undefined, facts: DeviceFacts, source: DeviceSource): Decision {
  if (device?.state !== 'active') return events(registration(id, facts, source));
  const known = givenFacts(device);
  const different = (Object.keys({ ...known, ...facts }) as (keyof DeviceFacts)[]).filter(
    (name) => !sameFact(known[name], facts[name]),
  );
  if (different.length === 0) return events();
  return refused('exists', `There is a device ${id} already, with another ${different.sort().join(', ')}.`);
}

function reported(id: string, device: Device | undefined, { agentId, report, enrolledAt }: AgentReport): Decision {
  const told = identityOfReport(report);
  if (device === undefined) {
    return events(registration(id, unknownFacts, 'agent', agentId), ...reportEvents(undefined, told, agentId, agentId));
  }
  if (device.state === 'active') {
    return events(...reportEvents(device.reported, told, agentId, device.agentId));
  }
  if (Date.parse(enrolledAt) <= Date.parse(device.retiredAt)) return events();
  return events(
    registration(id, givenFacts(device), 'agent', agentId),
    ...reportEvents(undefined, told, agentId, agentId),
  );
}

/** No event when the same agent reports the same again. */
function reportEvents(
  before: Identity | undefined,
  told: Identity,
  agentId: string,
  agentBefore: string | undefined,
): DeviceEvent[] {
  const known = before ?? noIdentity;
  const data = {
    ...(sameSet(known.hostnames, told.hostnames) ? {} : { hostnames: [...told.hostnames] }),
    ...(sameSet(known.ips, told.ips) ? {} : { ips: [...told.ips] }),
    ...(sameSet(known.macs, told.macs) ? {} : { macs: [...told.macs] }),
    ...(known.platform === told.platform ? {} : { platform: told.platform ?? null }),
  };
  if (Object.keys(data).length === 0 && agentId === agentBefore) return [];
  return [{ type: 'DeviceIdentified', data: { ...data, agentId } }];
}

/** One event per kind of fact that is not as wanted. A list that is shown as it is wanted already is no change. */
function changed(device: ActiveDevice, wanted: FactChanges): Decision {
  const shown = identityOf(device);
  const { given } = device;
  const list = (name: 'hostnames' | 'ips' | 'macs') => {
    const value = wanted[name];
    if (value === undefined || sameSet(value, given[name]) || sameSet(value, shown[name])) return {};
    return { [name]: [...value] };
  };
  const platform = (wanted.platform ?? undefined) === given.platform || wanted.platform === shown.platform;
  const identified = {
    ...(wanted.model === undefined || wanted.model === device.model ? {} : { model: wanted.model }),
    ...list('hostnames'),
    ...list('ips'),
    ...list('macs'),
    ...(wanted.platform === undefined || platform ? {} : { platform: wanted.platform }),
  };
  const excess = tooMany(identified);
  if (excess !== undefined) return excess;
  const { label, capabilities, group, tags } = wanted;
  const result: DeviceEvent[] = [];
  if (Object.keys(identified).length > 0) result.push({ type: 'DeviceIdentified', data: identified });
  if (label !== undefined && label !== device.label) result.push({ type: 'DeviceRelabelled', data: { label } });
  if (capabilities !== undefined && !sameSet(capabilities, device.capabilities)) {
    result.push({ type: 'DeviceCapabilitiesChanged', data: { capabilities } });
  }
  if (group !== undefined && (group ?? undefined) !== device.group) {
    result.push({ type: 'DeviceMoved', data: group === null ? {} : { group } });
  }
  if (tags !== undefined && !sameSet(tags, device.tags)) result.push({ type: 'DeviceTagged', data: { tags } });
  return events(...result);
}

/** A device that has such an id from before keeps it, also when it was retired and comes back. */
function unnameable(id: string, device: Device | undefined): Decision | undefined {
  if (device !== undefined || isDeviceIdOfPath(id)) return undefined;
  const all = ['.', '..', ...reservedDeviceIds].join(' ');
  const detail = `No new device can have the id ${id}: in a path it means something else, as does each of ${all}`;
  return refused('unnameable', detail, { fact: 'id' });
}

/** Lists come as long as a device shows them; what becomes given is shorter, so that a report beside it always has room. */
function tooMany(facts: FactChanges): Decision | undefined {
  for (const fact of ['hostnames', 'ips', 'macs'] as const) {
    const [count, most] = [facts[fact]?.length ?? 0, mostGiven[fact]];
    if (count <= most) continue;
    return refused('too-many', `At most ${most} ${fact} can be given to a device, not ${count}.`, { fact });
  }
  return undefined;
}

function registration(id: string, facts: DeviceFacts, source: DeviceSource, agentId?: string): DeviceEvent {
  return { type: 'DeviceRegistered', data: { ...facts, id, source, ...(agentId === undefined ? {} : { agentId }) } };
}

function withoutNulls(changes: FactChanges): Partial<DeviceFacts> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null && value !== undefined));
}

function sameFact(a: DeviceFacts[keyof DeviceFacts], b: DeviceFacts[keyof DeviceFacts]): boolean {
  return Array.isArray(a) && Array.isArray(b) ? sameSet(a, b) : a === b;
}

function onActive(id: string, device: Device | undefined, then: (active: ActiveDevice) => Decision): Decision {
  if (device === undefined) return refused('unknown', `There is no device ${id}.`);
  if (device.state === 'retired') return refused('retired', `The device ${id} was retired at ${device.retiredAt}.`);
  return then(device);
}

function events(...all: readonly DeviceEvent[]): Decision {
  return { ok: true, events: all };
}

function refused(code: Refusal['code'], detail: string, about: Pick<Refusal, 'fact'> = {}): Decision {
  return { ok: false, refusal: { code, detail, ...about } };
}
