import { z } from 'zod';
import { deviceCapability, deviceGroup, deviceModel, deviceTag } from './device.ts';
import { platform, text } from './vocabulary.ts';

/** How many values a filter may have, in a body and in a URL. */
export const mostFilterValues = 64;

const filter = <T extends z.ZodType>(value: T) => z.array(value).max(mostFilterValues).default([]);

/**
 * Which devices: the one query language of search, bulk jobs, watches, campaigns and policy assignments. All members narrow; within
 * `group`, `platform`, `model` and `tag` any of the values will do; `match` says whether a device has to have all of the features
 * or any. An empty list is no filter. `@quell/device-query` says what `q` means.
 */
export const deviceQuery = z.strictObject({
  q: text(256).default('').describe('Words as people type them: any order, the last may be unfinished.'),
  feature: filter(deviceCapability),
  match: z.enum(['all', 'any']).default('all'),
  group: filter(deviceGroup),
  platform: filter(platform),
  model: filter(deviceModel),
  tag: filter(deviceTag),
});
export type DeviceQuery = z.infer<typeof deviceQuery>;

/** Whether a query has no filter at all: whoever acts on what it means should ask twice. */
export function meansEveryDevice({ q, feature, group, platform, model, tag }: DeviceQuery): boolean {
  return q.trim() === '' && [feature, group, platform, model, tag].every((list) => list.length === 0);
}
