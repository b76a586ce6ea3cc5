import type { DeviceCapability } from '@quell/contracts/device';
import type { Platform } from '@quell/contracts/vocabulary';
import { type Device, type Identity, identityOf } from '../device/device.ts';

/** A row of `device_registry.device` as `pg` gives it. */
export interface DeviceRow {
  readonly id: string;
  readonly version: number;
  readonly model: string;
  readonly label: string;
  readonly capabilities: DeviceCapability[];
  readonly hostnames: string[];
  readonly ips: string[];
  readonly macs: string[];
  readonly platform: Platform | null;
  readonly group_name: string | null;
  readonly tags: string[];
  readonly agent_id: string | null;
  readonly told: { readonly given: Identity; readonly reported: Identity } | null;
  readonly registered_at: Date;
  readonly updated_at: Date;
  readonly retired_at: Date | null;
}

/** The columns of {@link DeviceRow}, for a SELECT from `device AS d`. */
export const deviceColumns = `d.id, d.version, d.model, d.label, d.capabilities, d.hostnames, d.ips, d.macs, d.platform, d.group_name,
  d.tags, d.agent_id, d.told, d.registered_at, d.updated_at, d.retired_at`;

export function rowOf(device: Device): DeviceRow {
  const { hostnames, ips, macs, platform } = identityOf(device);
  return {
    id: device.id,
    version: device.version,
    model: device.model,
    label: device.label,
    capabilities: [...device.capabilities],
    hostnames: [...hostnames],
    ips: [...ips],
    macs: [...macs],
    platform: platform ?? null,
    group_name: device.group ?? null,
    tags: [...device.tags],
    agent_id: device.agentId ?? null,
    told: device.reported === undefined ? null : { given: device.given, reported: device.reported },
    registered_at: new Date(device.registeredAt),
    updated_at: new Date(device.updatedAt),
    retired_at: device.state === 'retired' ? new Date(device.retiredAt) : null,
  };
}

/** The device of a row: the same as its stream folds to. */
export function deviceOf(row: DeviceRow): Device {
  const { hostnames, ips, macs, platform } = row;
  const given = row.told?.given ?? { hostnames, ips, macs, ...(platform === null ? {} : { platform }) };
  return {
    id: row.id,
    model: row.model,
    label: row.label,
    capabilities: row.capabilities,
    ...(row.group_name === null ? {} : { group: row.group_name }),
    tags: row.tags,
    given,
    ...(row.told === null ? {} : { reported: row.told.reported }),
    ...(row.agent_id === null ? {} : { agentId: row.agent_id }),
    registeredAt: row.registered_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    version: row.version,
    ...(row.retired_at === null
      ? { state: 'active' as const }
      : { state: 'retired' as const, retiredAt: row.retired_at.toISOString() }),
  };
}
