import { z } from 'zod';
import { device, deviceCapabilities, deviceCapability, deviceGroup, deviceModel, deviceTag } from './device.ts';
import { mostFilterValues } from './device-query.ts';
import { pageOf, pageParameters, repeatable } from './paging.ts';
import { platform, text } from './vocabulary.ts';

const featureParameter = z.enum(deviceCapabilities, {
  error: ({ input }) =>
    `there is no feature ${JSON.stringify(String(input).slice(0, 64))}; the features are ${deviceCapabilities.join(', ')}`,
});

/** `?feature=a&feature=b` and `?feature=a,b` are the same; no feature has a comma in its name. */
const features = z.preprocess(
  (value) =>
    value === undefined ? value : [value].flat().flatMap((one) => (typeof one === 'string' ? one.split(',') : one)),
  z.array(featureParameter).max(mostFilterValues).optional(),
);

/** `deviceQuery` as parameters of a URL: which devices. */
export const deviceQueryParameters = {
  q: text(256)
    .default('')
    .describe('Words as people type them: any order, the last may be unfinished. Blank: no text filter.'),
  feature: features.describe(
    'What its hardware must be able to do. Repeated or separated by commas; repeats count once.',
  ),
  match: z.enum(['all', 'any']).default('all').describe('Whether a device needs all of the features or any of them.'),
  group: repeatable(deviceGroup, mostFilterValues).describe('In any of these groups.'),
  platform: repeatable(platform, mostFilterValues).describe('On any of these platforms.'),
  model: repeatable(deviceModel, mostFilterValues).describe('Of any of these models, spelled exactly.'),
  tag: repeatable(deviceTag, mostFilterValues).describe('With any of these tags, spelled exactly.'),
};

/**
 * The orders of a list. `relevance` is the default with `q`, `lastSeen` without: most recently seen first. A `-` turns the order round;
 * devices never seen stay last.
 */
export const deviceSort = z.enum([
  'relevance',
  'lastSeen',
  'label',
  'id',
  'model',
  '-lastSeen',
  '-label',
  '-id',
  '-model',
]);
export type DeviceSort = z.infer<typeof deviceSort>;

/** A place in the log of devices: `<transaction>-<number>`, as `x-quell-position` and every answer of a search carry it. */
export const devicePosition = z.string().regex(/^\d{1,18}-\d{1,18}$/, 'must be a position that an answer carried');

/** What `GET /v1/devices` takes. Anything else is refused by name. */
export const deviceSearchQuery = z.strictObject({
  ...deviceQueryParameters,
  sort: deviceSort
    .optional()
    .describe('Default: `relevance` with `q`, else `lastSeen`, the most recent first. A `-` turns it round.'),
  limit: pageParameters.limit,
  cursor: z.string().max(8192).optional().describe('`nextCursor` of the page before, with the same query and order.'),
  minPosition: devicePosition
    .optional()
    .describe('Answer with what was known at this position (`x-quell-position` of a write) or later.'),
  waitMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(1000)
    .default(50)
    .describe('How long to wait for `minPosition`, in milliseconds.'),
});
export type DeviceSearchQuery = z.infer<typeof deviceSearchQuery>;

export const deviceSuggestQuery = z.strictObject({
  ...deviceQueryParameters,
  limit: z.coerce.number().int().min(1).max(50).default(8).describe('How many suggestions at most.'),
});
export type DeviceSuggestQuery = z.infer<typeof deviceSuggestQuery>;

export const deviceWatchQuery = z.strictObject(deviceQueryParameters);

/** Where a query shows in a device, as ranges `[from, to)` of UTF-16 code units of the value as it is answered. */
export const deviceHighlight = z.object({
  field: z.enum(['id', 'label', 'model', 'hostnames', 'ips', 'macs']),
  index: z.int().optional().describe('Which value of a field that has several.'),
  ranges: z.array(z.tuple([z.int(), z.int()])),
});
export type DeviceHighlight = z.infer<typeof deviceHighlight>;

/** How freely the words were read: as typed, each as a prefix, or with typing errors; freer only when the stricter finds nothing. */
export const deviceMatched = z.enum(['as-typed', 'prefixes', 'typos']);
export type DeviceMatched = z.infer<typeof deviceMatched>;

/** Exact counts. Of the models and groups the 100 largest, and in `omitted` how many others there are. */
export const deviceFacets = z.object({
  capabilities: z
    .partialRecord(deviceCapability, z.object({ count: z.int(), own: z.int() }))
    .describe(
      '`count`: hits if the feature were added to the selection; `own`: hits of text and other filters that have it.',
    ),
  models: z.record(z.string(), z.int()),
  groups: z.record(z.string(), z.int()),
  omitted: z.object({ models: z.int(), groups: z.int() }),
});
export type DeviceFacets = z.infer<typeof deviceFacets>;

const answered = {
  position: devicePosition.describe('Everything up to here is in this answer.'),
  matched: deviceMatched,
};

/** A page of devices. While a replica starts it answers from Postgres alone: `complete: false`, without total, facets and cursor. */
export const devicePage = pageOf(device.extend({ highlights: z.array(deviceHighlight) })).extend({
  total: z.int().optional().describe('How many devices the query finds. Exact.'),
  ...answered,
  facets: deviceFacets.optional(),
  complete: z.boolean().describe('False while the replica starts: there may be other, better hits.'),
  stale: z.literal(true).optional().describe('`minPosition` was not reached in time.'),
});
export type DevicePage = z.infer<typeof devicePage>;

export const deviceSuggestions = z.object({
  items: z.array(device.pick({ id: true, model: true, label: true }).extend({ highlights: z.array(deviceHighlight) })),
  ...answered,
});
export type DeviceSuggestions = z.infer<typeof deviceSuggestions>;
