import type { DevicePatch } from '@quell/contracts/device-api';
import type { FactChanges } from '../device/facts.ts';

/** A merge patch as changes of facts: `null` empties a list, a model and a label, and takes a group and a platform away. */
export function changesOf({
  model,
  label,
  capabilities,
  hostnames,
  ips,
  macs,
  platform,
  group,
  tags,
}: DevicePatch): FactChanges {
  const list = <Name extends string, T>(name: Name, values: T[] | null | undefined) =>
    values === undefined ? {} : { [name]: values ?? [] };
  return {
    ...(model === undefined ? {} : { model: model ?? '' }),
    ...(label === undefined ? {} : { label: label ?? '' }),
    ...list('capabilities', capabilities),
    ...list('hostnames', hostnames),
    ...list('ips', ips),
    ...list('macs', macs),
    ...list('tags', tags),
    ...(platform === undefined ? {} : { platform }),
    ...(group === undefined ? {} : { group }),
  };
}
