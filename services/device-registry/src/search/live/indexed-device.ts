import type { DeviceCapability } from '@quell/contracts/device';
import type { Platform } from '@quell/contracts/vocabulary';
import { type ActiveDevice, identityOf } from '../../device/device.ts';
import type { IndexedDevice } from '../index/indexed-device.ts';

/** What the index keeps of a device. @param lastSeenAt in milliseconds */
export function indexedDevice(device: ActiveDevice, lastSeenAt?: number): IndexedDevice {
  const { id, version, model, label, capabilities, group, tags, agentId } = device;
  return {
    id,
    version,
    model,
    label,
    capabilities,
    ...identityOf(device),
    ...(group === undefined ? {} : { group }),
    tags,
    ...(agentId === undefined ? {} : { agentId }),
    ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
  };
}

/** The columns of {@link RowText}, for a SELECT from `device AS d LEFT JOIN device_seen AS s`. */
export const indexedColumns = `d.id, d.version, d.model, d.label, d.capabilities, d.hostnames, d.ips, d.macs, d.platform, d.group_name,
  d.tags, d.agent_id, (extract(epoch FROM s.last_seen_at) * 1000)::bigint`;

/** A row in text mode: the parsers of `pg` would cost more than all the rest of reading a million of them. */
export type RowText = readonly [
  id: string,
  version: string,
  model: string,
  label: string,
  capabilities: string,
  hostnames: string,
  ips: string,
  macs: string,
  platform: string | null,
  group: string | null,
  tags: string,
  agentId: string | null,
  lastSeenAt: string | null,
];

export function indexedRow(row: RowText): IndexedDevice {
  const [id, version, model, label, capabilities, hostnames, ips, macs, platform, group, tags, agentId, lastSeenAt] =
    row;
  return {
    id,
    version: Number(version),
    model,
    label,
    capabilities: listOf(capabilities) as DeviceCapability[],
    hostnames: listOf(hostnames),
    ips: listOf(ips),
    macs: listOf(macs),
    ...(platform === null ? {} : { platform: platform as Platform }),
    ...(group === null ? {} : { group }),
    tags: listOf(tags),
    ...(agentId === null ? {} : { agentId }),
    ...(lastSeenAt === null ? {} : { lastSeenAt: Number(lastSeenAt) }),
  };
}

/** A `text[]` as Postgres writes it: `{a,"b c"}`; without NULL in it. */
export function listOf(text: string): string[] {
  if (text === '{}') return [];
  if (!text.includes('"')) return text.slice(1, -1).split(',');
  const items: string[] = [];
  for (const [, quoted, bare] of text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs)) {
    items.push(quoted === undefined ? (bare as string) : quoted.replaceAll(/\\(.)/gs, '$1'));
  }
  return items;
}
