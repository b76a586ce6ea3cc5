import type { AgentRecord } from '@quell/contracts/agent-record';
import { ipForm } from '@quell/contracts/host-identifiers';
import type { DeviceCommand } from '../device/decide.ts';
import type { Device } from '../device/device.ts';
import { sameSet } from '../device/facts.ts';
import type { DeviceChange } from '../device-store/change-devices.ts';
import type { Envelope } from '../device-store/stream.ts';
import { type AgentEntry, type AgentRow, matchOf } from './agent-rows.ts';
import type { Directory } from './directory.ts';
import { matchAgent } from './match.ts';

/** What a message of `agents.v1` says. */
export type AgentMessage = Told | { readonly kind: 'gone'; readonly agentId: string };

export interface Told {
  readonly kind: 'record';
  readonly record: AgentRecord;
  /** Lower-case UUID of the message itself, from which the ids of its events follow. */
  readonly causeId: string;
  readonly at: Date;
}

/** What taking records leads to. */
export interface Plan {
  readonly entries: readonly AgentEntry[];
  readonly changes: readonly (DeviceChange & { readonly envelope: Envelope })[];
  /** Whether an agent gets, changes or loses its device. */
  readonly matchedAnew: boolean;
  /** When devices were seen, RFC 3339. */
  readonly seen: ReadonlyMap<string, string>;
}

/** Decides on records, one after the other, each on what those before it led to. */
export function planAgents(told: readonly Told[], known: readonly AgentRow[], directory: Directory): Plan {
  const rows = new Map(known.map((row) => [row.agent_id, row]));
  const entries: AgentEntry[] = [];
  const changes: (DeviceChange & { readonly envelope: Envelope })[] = [];
  const seen = new Map<string, string>();
  let matchedAnew = false;

  for (const one of told) {
    const { record } = one;
    const row = rows.get(record.agentId);
    const isNew = row === undefined || row.version < record.version;
    const entry = isNew ? entryOf(record, row, directory) : undefined;
    const deviceId = entry === undefined ? row?.device_id : deviceOf(entry);
    if (deviceId != null && record.status === 'active') noteSeen(seen, deviceId, record.lastSeenAt);
    if (entry === undefined) continue;
    entries.push(entry);
    matchedAnew ||= row === undefined || (row.device_id ?? undefined) !== deviceOf(entry);
    const isActive = record.status === 'active';
    const commands = isActive ? commandsOf(one, entry, row, directory) : commandsOfEnded(record, row, directory);
    for (const { deviceId, command } of commands) {
      const changed = directory.apply(deviceId, command, one.at.toISOString());
      if (changed) changes.push({ deviceId, command, causeId: one.causeId, envelope: envelopeOf(one) });
    }
    if (deviceId != null) directory.link(record, deviceId, isActive);
  }
  return { entries, changes, matchedAnew, seen };
}

/** What the row of an agent becomes; undefined for one that is not active and that we never knew. */
function entryOf(record: AgentRecord, row: AgentRow | undefined, directory: Directory): AgentEntry | undefined {
  if (record.status !== 'active') return row === undefined ? undefined : { record, match: matchOf(row) };
  const own = leavable(record, row?.device_id, directory);
  const match = matchAgent(record, directory.factsFor(record, own));
  // Whoever registers the machine's real device later, with its MAC or host name, gets the agent; a guess is no reason to leave.
  const leaves = match.kind === 'matched' && match.deviceId !== own && match.by !== 'registered';
  const certain = leaves && (match.by === 'device-id' || !directory.othersOn(match.deviceId, record.agentId));
  if (own !== undefined && !certain) return { record, match: matchOf(row!) };
  // What once told which device it is stays told.
  const same = row !== undefined && match.kind === 'matched' && match.deviceId === row.device_id;
  return { record, match: same ? matchOf(row) : match };
}

/** The device an agent is on, when it says little of its machine: it was made for it alone, or was retired while the agent went on. */
function leavable(record: AgentRecord, deviceId: string | null | undefined, directory: Directory): string | undefined {
  const device = deviceId == null ? undefined : directory.device(deviceId);
  const isOver = device?.state === 'retired' && Date.parse(record.enrolledAt) <= Date.parse(device.retiredAt);
  return isOver ? device.id : madeFor(record, deviceId, directory);
}

/** The device an agent is on, when it was made for agents of its endpoint alone and nobody else told anything of it. */
function madeFor(
  { endpointId }: AgentRecord,
  deviceId: string | null | undefined,
  directory: Directory,
): string | undefined {
  return deviceId === endpointId && isAgentsAlone(directory.device(deviceId)) ? deviceId : undefined;
}

function commandsOf({ record }: Told, entry: AgentEntry, row: AgentRow | undefined, directory: Directory): Command[] {
  const deviceId = deviceOf(entry);
  if (deviceId === undefined) return [];
  const { agentId, hostname, ips, macs, platform, enrolledAt } = record;
  const commands: Command[] = [];
  // Two agents may run on one device. Whoever tells something new is the one shown; saying the same again does not make it so.
  const current = directory.device(deviceId)?.agentId;
  const isOthers = current !== undefined && current !== agentId && directory.isActive(current);
  if (!(isOthers && row?.device_id === deviceId && saysTheSame(row, record))) {
    commands.push({
      deviceId,
      command: { kind: 'report', agentId, report: { hostname, ips, macs, platform }, enrolledAt },
    });
  }
  const left = row?.device_id;
  if (left != null && left !== deviceId)
    commands.push(leaving({ agentId, deviceId: left }, record, deviceId, directory));
  for (const former of directory.othersOf(record)) {
    if (!former.active && former.deviceId !== deviceId) commands.push(leaving(former, record, deviceId, directory));
  }
  return commands;
}

/** An agent that ended leaves its device, when the one in its place runs on another. Without one, what it told stays. */
function commandsOfEnded(record: AgentRecord, row: AgentRow | undefined, directory: Directory): Command[] {
  const deviceId = row?.device_id;
  if (deviceId == null) return [];
  const successors = directory.othersOf(record).filter(({ active }) => active);
  const [successor] = successors;
  if (successor === undefined || successors.some((one) => one.deviceId === deviceId)) return [];
  return [leaving({ agentId: record.agentId, deviceId }, record, successor.deviceId, directory)];
}

interface Command {
  readonly deviceId: string;
  readonly command: DeviceCommand;
}

/** An agent of this endpoint is on that device no more: one that was made for it alone is nothing without it. */
function leaving(
  { agentId, deviceId }: { readonly agentId: string; readonly deviceId: string },
  record: AgentRecord,
  to: string,
  directory: Directory,
): Command {
  const isOver = madeFor(record, deviceId, directory) !== undefined && !directory.othersOn(deviceId, agentId);
  if (isOver) return { deviceId, command: { kind: 'retire', reason: `Its agent runs on ${to}.` } };
  return { deviceId, command: { kind: 'leave', agentId } };
}

/** Whether all that is known of a device was told by its agent: then it is nothing without it. */
function isAgentsAlone(device: Device | undefined): boolean {
  if (device?.state !== 'active') return false;
  const { model, label, capabilities, group, tags, given } = device;
  const lists = [capabilities, tags, given.hostnames, given.ips, given.macs];
  return model === '' && label === '' && group === undefined && lists.every(({ length }) => length === 0);
}

function saysTheSame(row: AgentRow, { status, hostname, ips, macs, platform }: AgentRecord): boolean {
  const unchanged = row.status === status && row.hostname === (hostname ?? null) && row.platform === (platform ?? null);
  const forms = (list: readonly string[]) => [...new Set(list.map(ipForm))];
  return unchanged && sameSet(forms(row.ips), forms(ips)) && sameSet([...new Set(row.macs)], [...new Set(macs)]);
}

function deviceOf({ match }: AgentEntry): string | undefined {
  return match.kind === 'matched' ? match.deviceId : undefined;
}

function noteSeen(seen: Map<string, string>, deviceId: string, at: string | undefined): void {
  const before = seen.get(deviceId);
  if (at !== undefined && (before === undefined || Date.parse(before) < Date.parse(at))) seen.set(deviceId, at);
}

function envelopeOf({ record, causeId, at }: Told): Envelope {
  return {
    actor: `agent:${record.agentId}`,
    correlationId: record.endpointId.toLowerCase(),
    causationId: causeId,
    occurredAt: at,
  };
}
