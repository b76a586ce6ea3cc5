import type { DeviceImportQuery, DeviceImportResult } from '@quell/contracts/device-import';
import { type Device, identityOf } from '../device/device.ts';

type FieldValue = string | string[] | null;

/** What is shown of a device, by column: what people see change. */
export function shownFacts(device: Device): Record<string, FieldValue> {
  const { hostnames, ips, macs, platform } = identityOf(device);
  const { model, label, capabilities, group, tags } = device;
  return {
    model,
    label,
    capabilities: [...capabilities],
    hostnames: [...hostnames],
    ips: [...ips],
    macs: [...macs],
    platform: platform ?? null,
    group: group ?? null,
    tags: [...tags],
  };
}

export function emptyResult({ dryRun, mode }: Pick<DeviceImportQuery, 'dryRun' | 'mode'>): DeviceImportResult {
  return { dryRun, mode, lines: 0, created: 0, changed: 0, unchanged: 0, refused: 0, fields: {} };
}

/** Examples of a field that are kept: the first ones. */
const EXAMPLES = 5;

/** Counts one changed device into `fields`, with before and after where there are few examples yet. */
export function countChange(fields: DeviceImportResult['fields'], line: number, before: Device, after: Device): void {
  const old = shownFacts(before);
  for (const [field, value] of Object.entries(shownFacts(after))) {
    const earlier = old[field] ?? null;
    if (isSame(earlier, value)) continue;
    fields[field] ??= { changed: 0, examples: [] };
    fields[field].changed++;
    const { examples } = fields[field];
    if (examples.length < EXAMPLES) examples.push({ line, id: before.id, before: earlier, after: value });
  }
}

function isSame(a: FieldValue, b: FieldValue): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
